from __future__ import annotations

import codecs
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netzoo.tasks.wordtree import Scores, WordTree, read_tree
from sizewise.core.errors import InputError
from tests.netzoo.trees import NINE_THOUSAND, trees


@pytest.fixture(scope="module")
def large() -> WordTree:
    return read_tree(NINE_THOUSAND)[1]


def random_scores(tree: WordTree, rows: int, seed: int) -> Scores:
    """Of one decimal, so that many are equal."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 11, (rows, len(tree))) / 10).astype(np.float32)


def descended_by_hand(tree: WordTree, scores: Scores, threshold: float) -> int:
    reached = -1
    while True:
        best, high = -1, threshold
        for label, parent in enumerate(tree.parents):
            if parent == reached and scores[label] > high:
                best, high = label, scores[label]
        if best < 0:
            return reached
        reached = best


@settings(deadline=None)
@given(tree=trees(), seed=st.integers(0, 2**32), threshold=st.floats(0, 1))
def test_descent_is_the_one_by_hand(tree: WordTree, seed: int, threshold: float) -> None:
    scores = random_scores(tree, 5, seed)
    labels, reached = tree.descend(scores, threshold)
    assert labels.dtype == np.int64
    assert reached.dtype == np.float32
    assert labels.tolist() == [
        descended_by_hand(tree, row, float(np.float32(threshold))) for row in scores
    ]
    assert reached.tolist() == [
        row[label] if label >= 0 else 0 for row, label in zip(scores, labels, strict=True)
    ]


def test_descent_in_the_tree_of_yolo9000_is_the_one_by_hand(large: WordTree) -> None:
    scores = random_scores(large, 6, 0)
    for row, label in zip(scores, np.argsort(large.depth)[-4:], strict=False):
        row[list(large.path(label))] += 0.3
    labels, _ = large.descend(scores, 0.05)
    assert labels.tolist() == [descended_by_hand(large, row, 0.05) for row in scores]
    assert large.depth[labels].max() > 3


@given(tree=trees(), seed=st.integers(0, 2**32), objectness=st.floats(0.05, 1))
@settings(deadline=None)
def test_only_the_reached_class_keeps_its_score(
    tree: WordTree, seed: int, objectness: float
) -> None:
    probabilities = probabilities_of(tree, seed)
    scores = (probabilities * objectness).astype(np.float32)
    kept = tree.only_reached(scores, 0.4)
    labels, _ = tree.descend(probabilities.astype(np.float32), 0.4)
    assert ((kept > 0).sum(1) == (labels >= 0)).all()
    for row, label in enumerate(labels):
        assert label < 0 or kept[row, label] == scores[row, label]


def probabilities_of(tree: WordTree, seed: int) -> Scores:
    """Random ones that fit the tree: of the siblings' thirds, tenths, … each has its share."""
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.1, 1, (4, len(tree)))
    whole = np.ones((4, len(tree)))
    for label in range(len(tree)):
        for ancestor in tree.path(label):
            among = tree.siblings[tree.parents[ancestor]]
            whole[:, label] *= shares[:, ancestor] / shares[:, among].sum(1)
    return whole.astype(np.float32)


def test_what_is_no_number_is_not_hidden() -> None:
    scores = np.array([[np.nan, 0.2], [0.9, 0.1]], np.float32)
    kept = WordTree((-1, 0)).only_reached(scores)
    assert np.isnan(kept[0, 0])
    assert kept[1].tolist() == pytest.approx([0.9, 0])


def test_nothing_is_reached_where_nothing_is_there() -> None:
    kept = WordTree((-1, 0)).only_reached(np.zeros((3, 2), np.float32))
    assert (kept == 0).all()
    assert WordTree((-1, 0)).descend(np.zeros((0, 2), np.float32))[0].shape == (0,)


@settings(deadline=None)
@given(tree=trees())
def test_paths_siblings_and_depth_agree_with_the_parents(tree: WordTree) -> None:
    for label in range(len(tree)):
        path = tree.path(label)
        assert (path[-1], tree.parents[path[0]]) == (label, -1)
        assert all(tree.parents[child] == parent for parent, child in pairwise(path))
        assert tree.depth[label] == len(path) - 1
        for steps, jump in enumerate(tree.jumps):
            above = path[: -(2**steps)]
            assert jump[label] == (above[-1] if above else len(tree))
    grouped = np.concatenate(list(tree.siblings.values()))
    assert sorted(grouped.tolist()) == list(range(len(tree)))
    for parent, children in tree.siblings.items():
        assert children.tolist() == [i for i, p in enumerate(tree.parents) if p == parent]


def test_the_tree_of_yolo9000_is_read() -> None:
    names, tree = read_tree(NINE_THOUSAND)
    lines = [line.split() for line in NINE_THOUSAND.read_text().splitlines()]
    assert names == tuple(name for name, _ in lines)
    assert tree.parents == tuple(int(parent) for _, parent in lines)
    assert (len(tree), len(tree.siblings), tree.depth.max()) == (9418, 1846, 16)
    assert tree.siblings[-1].tolist() == [0, 1, 2, 3]


@settings(deadline=None)
@given(tree=trees(), data=st.data())
def test_a_circle_is_found(tree: WordTree, data: st.DataObject) -> None:
    label = data.draw(st.integers(0, len(tree) - 1))
    below = [i for i in range(len(tree)) if label in tree.path(i)]
    parents = list(tree.parents)
    parents[label] = data.draw(st.sampled_from(below))
    circle = [i for i in tree.path(parents[label]) if i in below]
    with pytest.raises(InputError, match="is its own ancestor") as caught:
        WordTree(tuple(parents))
    assert caught.value.why in {f"class {i} is its own ancestor" for i in circle}


@pytest.mark.parametrize(
    ("parents", "why"),
    [
        ((), "no classes"),
        ((-1, 2), "the parent of class 1 is 2, and there is no such class"),
        ((-1, -2), "the parent of class 1 is -2"),
        ((-1, 0.0), "the parent of class 1 is 0.0, no whole number"),
        ((-1, True), "the parent of class 1 is True, no whole number"),
        ((0,), "class 0 is its own ancestor"),
    ],
)
def test_what_is_no_tree_is_refused(parents: tuple[int, ...], why: str) -> None:
    with pytest.raises(InputError, match=why):
        WordTree(parents)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it has no classes"),
        (b"thing -1\nanimal 0\ncat\n", "Line 3 of .*'cat'"),
        (b"thing -1\nanimal x\n", "Line 2 of .*'animal x'"),
        (b"thing -1\n\nanimal 0\n", "Line 2 of "),
        (b"thing -1\nanimal 0\nthing 1\n", "Line 3 of .* the name of line 1"),
        (b"thing -1\nanimal 2\n", "class 1 is 2, .*class 0 stands on line 1"),
        (b"thing 1\nanimal 0\n", "is its own ancestor"),
        (b"thing -1\n\xff\xfe 0\n", "can't be read"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "bad.tree"
    path.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_tree(path)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = tmp_path / "marked.tree"
    path.write_bytes(codecs.BOM_UTF8 + b"thing -1\ndog 0\n")
    assert read_tree(path)[0] == ("thing", "dog")


def test_names_may_have_spaces(tmp_path: Path) -> None:
    path = tmp_path / "spaced.tree"
    path.write_text("living thing -1\n  hot dog\t0 \n\n")
    assert read_tree(path) == (("living thing", "hot dog"), WordTree((-1, 0)))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_tree(tmp_path / "none.tree")


def test_scores_of_other_classes_are_refused() -> None:
    with pytest.raises(InputError, match="does not fit the scores"):
        WordTree((-1, 0)).descend(np.zeros((2, 3), np.float32))
