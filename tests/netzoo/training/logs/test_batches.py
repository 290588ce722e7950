"""The first batches drawn are those that the training sees."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.classified import crops_of
from netzoo.tasks.drawing import label_font
from netzoo.training.augmenting.settings import PRESETS
from netzoo.training.loading.batches import draw_batches
from netzoo.training.logs.batches import draw_first_batches
from netzoo.training.settings import TrainingSettings
from netzoo.zoo.config import NetworkConfig
from sizewise.core.errors import InputError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import CLASSES, narrow_config, squares

SETTINGS = TrainingSettings(steps=3, batch_size=4, sizes=Sizes.parse("160,192"), threads=1)
SMALL = replace(SETTINGS, sizes=Sizes.parse("64"))
_GAP, _TITLE = 8, 18


def read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def is_png(path: Path) -> bool:
    with Image.open(path) as image:
        return image.format == "PNG"


def _paths(folder: Path) -> list[Path]:
    return [folder / f"{number}.png" for number in range(1, 4)]


@pytest.mark.parametrize("preset", ["none", "strong"])
def test_the_pixels_are_those_of_the_batches(tmp_path: Path, preset: str) -> None:
    """But for the boxes, which are drawn on them."""
    data = squares(tmp_path / "data", 6)
    settings = replace(SETTINGS, augmentation=PRESETS[preset])
    written = draw_first_batches(2, narrow_config(), data, settings, iter(_paths(tmp_path)))
    assert written == _paths(tmp_path)[:2]
    for path, batch in zip(written, draw_batches(data, settings), strict=False):
        sheet = read(path)
        side = batch.size.height
        pixels = (batch.images.numpy() * 255).round().astype(int).transpose(0, 2, 3, 1)
        columns = (sheet.shape[1] - _GAP) // (side + _GAP)
        for number, own in enumerate(pixels):
            row, column = divmod(number, columns)
            top = _GAP + row * (side + _GAP + _TITLE)
            left = _GAP + column * (side + _GAP)
            shown = sheet[top : top + side, left : left + side]
            same = (shown == own).all(-1)
            assert 0.2 < same.mean() < 1


def test_small_batches_are_drawn_larger_with_the_whole_line_below_each(tmp_path: Path) -> None:
    """A picture of 64 pixels is narrower than its line."""
    data = squares(tmp_path / "data", 6)
    (path,) = draw_first_batches(1, narrow_config(), data, SMALL, iter(_paths(tmp_path)))
    (batch,) = (batch for batch, _ in zip(draw_batches(data, SMALL), range(1), strict=False))
    sheet, side = read(path), 3 * 64
    columns = (sheet.shape[1] - _GAP) // (side + _GAP)
    assert (sheet.shape[1] - _GAP) % (side + _GAP) == 0
    boxes = [int((batch.targets.images == number).sum()) for number in range(4)]
    font = label_font(12)
    for number, own in enumerate(boxes):
        row, column = divmod(number, columns)
        top = _GAP + row * (side + _GAP + _TITLE) + side
        left = _GAP + column * (side + _GAP)
        line = sheet[top + 1 : top + _TITLE, left : left + side]
        inked = np.flatnonzero((line < 128).all(-1).any(0))
        assert inked.max() == pytest.approx(font.getlength(f"64x64: {own} boxes"), abs=4)


def test_classes_and_masks_are_drawn(tmp_path: Path) -> None:
    data = squares(tmp_path / "data", 6)
    crops = crops_of(data)
    darknet = NetworkConfig(name="darknet19", classes=CLASSES)
    (path,) = draw_first_batches(1, darknet, crops, SETTINGS, iter(_paths(tmp_path)))
    assert is_png(path)
    polygon = [[10.0, 10.0, 60.0, 10.0, 60.0, 60.0, 10.0, 60.0]]
    masked = [replace(image, segments=(polygon,) * len(image.boxes)) for image in data.images]
    network = NetworkConfig(name="multiscale", classes=("object",))
    names = (tmp_path / f"masks{number}.png" for number in count(1))
    (path,) = draw_first_batches(1, network, replace(data, images=tuple(masked)), SETTINGS, names)
    assert is_png(path)


def test_data_that_can_not_be_trained_on_are_refused(tmp_path: Path) -> None:
    data = replace(squares(tmp_path / "data", 2), images=())
    with pytest.raises(InputError, match="it has no images"):
        draw_first_batches(1, narrow_config(), data, SETTINGS, iter(_paths(tmp_path)))
