from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netzoo.data.class_names import find_classes
from netzoo.data.classified import crops_of
from netzoo.data.relabelling import relabelled
from sizewise.core.errors import InputError
from tests.netzoo.factories import CLASSES, squares

TREE = ("thing", "blue", "colour", "red")


def test_boxes_keep_their_class_by_its_name(tmp_path: Path) -> None:
    data = squares(tmp_path, 4)
    found = relabelled(data, TREE)
    assert (found.classes, len(found.category_ids), found.sha256) == (TREE, 4, data.sha256)
    for before, after in zip(data.images, found.images, strict=True):
        assert [TREE[i] for i in after.labels] == [CLASSES[i] for i in before.labels]
        assert after.labels.dtype == np.int64
        assert np.array_equal(after.boxes, before.boxes)


def test_classified_images_keep_their_class_by_its_name(tmp_path: Path) -> None:
    data = crops_of(squares(tmp_path, 4))
    found = relabelled(data, TREE)
    assert (found.classes, found.sha256) == (TREE, data.sha256)
    for before, after in zip(data.images, found.images, strict=True):
        assert TREE[after.label] == CLASSES[before.label]
        assert (after.path, after.box) == (before.path, before.box)


def test_classes_that_are_not_there_are_named() -> None:
    with pytest.raises(
        InputError, match="green, grey, gold and 1 more are not among its 4 classes"
    ):
        find_classes("colours", ("red", "green", "grey", "gold", "pink"), TREE)
    assert find_classes("colours", ("red", "blue"), TREE).tolist() == [3, 1]
