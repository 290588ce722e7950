"""Readers that note faults: whole data are read the same, and what is left of others is whole."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from netzoo.data.coco.dataset import Dataset, read_coco, write_coco
from netzoo.data.faults import Noted
from netzoo.data.sources import open_dataset
from sizewise.core.errors import InputError
from tests.netzoo.data.boxes.layouts import write_voc, write_yolo
from tests.netzoo.data.coco.mutants import mutated, small_coco, write_pictures
from tests.netzoo.factories import squares

SEEDS = range(150)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 5)


@pytest.mark.parametrize("layout", ["coco", "voc", "yolo"])
def test_whole_data_are_read_the_same(tmp_path: Path, data: Dataset, layout: str) -> None:
    folder = tmp_path / "squares"
    if layout == "coco":
        write_coco(data, folder / "train.json")
    else:
        folder = (write_voc if layout == "voc" else write_yolo)(tmp_path / layout, train=data)
    noted = Noted()
    found = open_dataset(str(folder), "train", boxes=True, faults=noted)
    stopping = open_dataset(str(folder), "train", boxes=True)
    assert noted.found == []
    assert found.sha256 == stopping.sha256
    for one, other in zip(found.images, stopping.images, strict=True):
        assert one.path == other.path
        assert np.array_equal(one.boxes, other.boxes)
        assert one.areas == other.areas


def test_what_is_left_of_a_broken_file_is_whole(tmp_path: Path) -> None:
    """Files that a reader refuses as a whole are refused here, too; what others give can be written
    and read by a reader that stops at faults."""
    home = tmp_path / "set"
    write_pictures(small_coco(), home)
    path, left = home / "data.json", home / "left.json"
    outcomes = {"whole": 0, "noted": 0, "refused": 0}
    for seed in SEEDS:
        path.write_bytes(mutated(small_coco(), random.Random(seed)))
        noted = Noted()
        try:
            found = read_coco(path, faults=noted)
        except InputError:
            outcomes["refused"] += 1
            with pytest.raises(InputError):
                read_coco(path)
            continue
        outcomes["noted" if noted.found else "whole"] += 1
        if not noted.found:
            assert read_coco(path).sha256 == found.sha256
        if found.images and not any(segment for i in found.images for segment in i.segments):
            write_coco(found, left)
            again = read_coco(left)
            assert [len(i.boxes) for i in again.images] == [len(i.boxes) for i in found.images]
    assert min(outcomes.values()) > 0, outcomes
