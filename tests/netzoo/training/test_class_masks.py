"""Masks of classes: which channel each pixel is taught to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netzoo.data.coco.dataset import Dataset
from netzoo.data.sources import open_dataset
from netzoo.tasks.masks.classes import channel_labels, channel_names
from netzoo.training.augmenting.augment import _either
from netzoo.training.checks import check_data
from netzoo.training.class_masks import (
    UNKNOWN,
    channels_for,
    channels_of_labels,
    label_bytes,
)
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import find_network
from sizewise.core.errors import InputError

VALUES = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)


def opened(folder: Path, *names: str) -> Dataset:
    for name, pixels in (("images", np.zeros((2, 3, 3), np.uint8)), ("masks", VALUES)):
        path = folder / "train" / name / "a.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(pixels).save(path)
    (folder / "classes.txt").write_text("\n".join(names), encoding="utf-8")
    return open_dataset(str(folder), "train")


def config_of(data: Dataset, *, by_class: bool = True) -> NetworkConfig:
    settings = MultiscaleConfig(fusion="single", by_class=by_class)
    return NetworkConfig(name="multiscale", classes=data.classes, multiscale=settings)


@pytest.mark.parametrize(
    "names", [("background", "cat", "dog"), ("cat", "dog", "background"), ("cat", "dog", "bird")]
)
def test_a_pixel_is_taught_what_it_is_evaluated_as(tmp_path: Path, names: tuple[str, ...]) -> None:
    """The label of the channel that it is taught is its own; what does not count is not taught."""
    data = opened(tmp_path, *names)
    channels = channels_of_labels(data.classes, data)
    labels = channel_labels(
        data.classes, data, len(channel_names(data.classes, None, background=True))
    )
    (image,) = data.images
    truth, taught = image.label_map(), channels[label_bytes(image)]
    counts = (truth >= 0) & (data.background | (truth > 0))
    assert (labels[taught[counts]] == truth[counts]).all()
    assert (taught[~counts] == UNKNOWN).all()
    assert counts.any()
    assert not counts.all()


def test_pixels_of_no_class_are_no_background_unless_the_data_say_so(tmp_path: Path) -> None:
    data = opened(tmp_path, "background", "cat", "dog")
    assert channels_of_labels(data.classes, data)[0] == 0
    unknown = replace(data, background=False)
    assert channels_of_labels(data.classes, unknown).tolist()[:3] == [UNKNOWN, 1, 2]


def test_a_class_called_background_is_the_background(tmp_path: Path) -> None:
    """COCO files may name it as a category."""
    data = replace(opened(tmp_path, "background", "cat", "dog"), classes=("Background", "cat"))
    assert channels_of_labels(data.classes, data).tolist()[:3] == [0, 0, 1]


def test_other_networks_have_no_channels(tmp_path: Path) -> None:
    data = opened(tmp_path, "background", "cat", "dog")
    assert channels_for(config_of(data, by_class=False), data) is None
    assert channels_for(config_of(data), data) is not None


def test_classes_are_those_of_the_data_and_no_more_than_a_byte_holds(tmp_path: Path) -> None:
    data = opened(tmp_path, "background", "cat", "dog")
    entry = find_network("multiscale")
    check_data(entry, config_of(data), data)
    with pytest.raises(InputError, match="its classes are cat, dog, the data's dog, cat"):
        check_data(entry, config_of(data), replace(data, classes=("dog", "cat")))
    many = replace(data, classes=tuple(map(str, range(255))))
    with pytest.raises(InputError, match="they are 255, and masks are learnt with at most 254"):
        check_data(entry, config_of(many), many)


def test_of_two_classes_in_one_pixel_nobody_knows_which() -> None:
    one, other = np.array([0, 1, 0, 1, 1, 255], np.uint8), np.array([0, 0, 2, 1, 2, 0], np.uint8)
    assert _either(one, other).tolist() == [0, 1, 2, 1, UNKNOWN, 255]
    assert _either(other, one).tolist() == _either(one, other).tolist()
