from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from netzoo.decoding.classes import Exclusive
from netzoo.hierarchy import Hierarchical
from netzoo.tasks.wordtree import WordTree, read_tree
from tests.netzoo.trees import NINE_THOUSAND, trees

Doubles = NDArray[np.float64]


@pytest.fixture(scope="module")
def large() -> WordTree:
    return read_tree(NINE_THOUSAND)[1]


def raw_numbers(tree: WordTree, rows: int, seed: int = 0, spread: float = 3) -> torch.Tensor:
    return torch.randn(rows, len(tree), generator=torch.Generator().manual_seed(seed)) * spread


def logs_by_hand(tree: WordTree, raw: torch.Tensor) -> Doubles:
    """Log-probabilities in 64 bits, class by class: its own share and its parent's."""
    numbers = raw.double().numpy()
    families: dict[int, list[int]] = {}
    for label, parent in enumerate(tree.parents):
        families.setdefault(parent, []).append(label)
    given_parent = np.empty_like(numbers)
    for family in families.values():
        high = numbers[:, family].max(1, keepdims=True)
        given_parent[:, family] = numbers[:, family] - high
        given_parent[:, family] -= np.log(np.exp(numbers[:, family] - high).sum(1, keepdims=True))
    logs = np.zeros_like(numbers)
    for label in range(len(tree)):
        above = label
        while above >= 0:
            logs[:, label] += given_parent[:, above]
            above = tree.parents[above]
    return logs


@settings(deadline=None)
@given(tree=trees(), seed=st.integers(0, 2**32), spread=st.floats(0, 30))
def test_probabilities_and_loss_are_those_by_hand(tree: WordTree, seed: int, spread: float) -> None:
    raw = raw_numbers(tree, len(tree), seed, spread)
    rule, logs = Hierarchical(tree), logs_by_hand(tree, raw)
    assert_probable(rule.probabilities(raw, 1), logs)
    labels = torch.arange(len(tree))
    loss = rule.loss(raw, labels).numpy()
    np.testing.assert_allclose(loss, -logs[labels, labels], rtol=1e-5, atol=1e-4)


def assert_probable(found: torch.Tensor, logs: Doubles) -> None:
    """To a few roundings of 32 bits: what is rare is right to as many digits as what is not."""
    wanted = np.exp(logs)
    normal = wanted > 1e-30
    values = found.detach().double().numpy()
    np.testing.assert_allclose(values[normal], wanted[normal], rtol=2e-5)
    assert (values[~normal] <= 1.1e-30).all()


def test_the_tree_of_yolo9000_is_exact_in_32_bits(large: WordTree) -> None:
    raw = raw_numbers(large, 2)
    rule, logs = Hierarchical(large), logs_by_hand(large, raw)
    assert_probable(rule.probabilities(raw, 1), logs)
    labels = torch.tensor([int(large.depth.argmax()), 0])
    loss = rule.loss(raw, labels).numpy()
    np.testing.assert_allclose(loss, -logs[[0, 1], labels], rtol=1e-6)


def test_siblings_add_up_to_their_parent(large: WordTree) -> None:
    raw = raw_numbers(large, 4, spread=5)
    found = Hierarchical(large).probabilities(raw, 1).numpy()
    for parent, children in large.siblings.items():
        whole = found[:, parent] if parent >= 0 else np.ones(4)
        np.testing.assert_allclose(found[:, children].sum(1), whole, rtol=1e-5, atol=1e-30)
        assert (found[:, children] <= whole[:, None] * (1 + 1e-6)).all()


@settings(deadline=None)
@given(tree=trees(), seed=st.integers(0, 2**32))
def test_a_child_is_never_more_likely_than_its_parent(tree: WordTree, seed: int) -> None:
    found = Hierarchical(tree).probabilities(raw_numbers(tree, 3, seed), 1).numpy()
    for label, parent in enumerate(tree.parents):
        above = found[:, parent] if parent >= 0 else np.ones(3)
        assert (found[:, label] <= above * (1 + 1e-6)).all()


@settings(deadline=None)
@given(tree=trees(), dim=st.integers(0, 4))
def test_classes_may_lie_along_any_axis(tree: WordTree, dim: int) -> None:
    rule = Hierarchical(tree)
    raw = torch.randn(2, 1, 3, 2, len(tree)).movedim(-1, dim)
    wanted = rule.probabilities(raw.movedim(dim, -1).reshape(-1, len(tree)), 1)
    found = rule.probabilities(raw, dim).movedim(dim, -1).reshape(-1, len(tree))
    assert torch.allclose(found, wanted, rtol=1e-5)


@given(scale=st.sampled_from([1e4, -1e4, 1e30]), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=20)
def test_large_numbers_give_no_nan(large: WordTree, scale: float, seed: int) -> None:
    raw = (raw_numbers(large, 3, seed, 1.0) * scale).requires_grad_()
    rule = Hierarchical(large)
    found = rule.probabilities(raw, 1)
    loss = rule.loss(raw, torch.tensor([9417, 5000, 0]))
    torch.autograd.backward(found.sum() + loss.clamp(max=1e30).sum())
    assert raw.grad is not None
    assert found.isfinite().all()
    assert loss.isfinite().all()
    assert raw.grad.isfinite().all()
    assert ((found >= 0) & (found <= 1.000001)).all()


def test_a_path_s_loss_touches_its_groups_alone(large: WordTree) -> None:
    label = int(large.depth.argmax())
    raw = raw_numbers(large, 1).requires_grad_()
    torch.autograd.backward(Hierarchical(large).loss(raw, torch.tensor([label])).sum())
    assert raw.grad is not None
    touched = raw.grad[0].numpy() != 0
    groups = [large.siblings[large.parents[above]] for above in large.path(label)]
    allowed = np.concatenate(groups)
    assert not np.delete(touched, allowed).any()
    assert all(
        touched[above] for above, g in zip(large.path(label), groups, strict=True) if len(g) > 1
    )


@settings(deadline=None)
@given(count=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_without_kinds_of_kinds_it_is_one_softmax(count: int, seed: int) -> None:
    tree = WordTree((-1,) * count)
    raw, labels = raw_numbers(tree, 5, seed), torch.arange(5) % count
    found, flat = Hierarchical(tree), Exclusive()
    assert torch.allclose(found.probabilities(raw, 1), flat.probabilities(raw, 1), rtol=1e-5)
    assert torch.allclose(found.loss(raw, labels), flat.loss(raw, labels), rtol=1e-4, atol=1e-6)


def test_there_is_nothing_to_save() -> None:
    assert Hierarchical(WordTree((-1, 0, 0))).state_dict() == {}
