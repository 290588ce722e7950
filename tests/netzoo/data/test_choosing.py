from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.data.choosing import chosen
from netzoo.data.coco.dataset import AnnotatedImage, Dataset, read_coco

WriteCoco = Callable[[dict[str, Any]], Path]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> AnnotatedImage:
    import numpy as np

    nothing = np.zeros((0, 4), np.float32)
    return AnnotatedImage(
        id=0,
        path=tmp_path_factory.mktemp("none") / "x.png",
        height=4,
        width=4,
        boxes=nothing,
        labels=np.zeros(0, np.int64),
        crowd_boxes=nothing,
        crowd_labels=np.zeros(0, np.int64),
        segments=(),
    )


def data_of(image: AnnotatedImage, ids: list[int]) -> Dataset:
    images = tuple(replace(image, id=number) for number in ids)
    return Dataset(name="d", classes=("a",), category_ids=(1,), images=images, sha256="ab")


ids = st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=30, unique=True)


@given(ids=ids, data=st.data())
def test_the_choice_is_fixed_nested_and_in_the_files_order(
    image: AnnotatedImage, ids: list[int], data: st.DataObject
) -> None:
    whole = data_of(image, ids)
    larger = data.draw(st.integers(1, len(ids)))
    smaller = data.draw(st.integers(1, larger))
    some = chosen(whole, larger)
    found = [one.id for one in some.images]
    assert found == [number for number in ids if number in found]
    assert len(found) == larger
    assert {one.id for one in chosen(whole, smaller).images} <= set(found)
    shuffled = data_of(image, data.draw(st.permutations(ids)))
    assert {one.id for one in chosen(shuffled, larger).images} == set(found)
    assert some.sha256 == whole.sha256
    assert some.chosen == (f"{larger} of {len(ids)}" if larger < len(ids) else "")


@pytest.mark.parametrize("count", [0, 2, 3])
def test_none_and_more_than_there_are_is_all(
    small_coco: dict[str, Any], write_json: WriteCoco, count: int
) -> None:
    data = read_coco(write_json(small_coco))
    assert chosen(data, count) is data


def test_it_is_a_sample_of_the_whole_and_the_same_in_every_version(image: AnnotatedImage) -> None:
    data = data_of(image, list(range(1000)))
    found = [one.id for one in chosen(data, 200).images]
    assert found[:5] == [4, 6, 14, 25, 34]
    assert 450 < sum(found) / len(found) < 550
