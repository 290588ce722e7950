from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exporter.calibration.feeding import calibration_batches
from exporter.calibration.images import CalibrationSet, read_calibration
from netzoo.tasks.letterbox import PADDING
from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import ExportedModel, ModelCard, Size, TensorSpec

WIDE, HIGH, SMALL = Size(32, 96), Size(96, 32), Size(32, 32)
FREE = ("batch", 3, "height", "width")


def taking(
    *shape: int | str, dtype: str = "float32", card: ModelCard | None = None
) -> ExportedModel:
    """A model of which only the input is known."""
    return ExportedModel(
        path=Path("some.onnx"),
        sha256="",
        card=card or ModelCard(network="some", stride=32),
        opset_version=20,
        inputs=(TensorSpec(name="images", dtype=dtype, shape=shape),),
        outputs=(),
    )


def pictures(folder: Path, count: int) -> CalibrationSet:
    """Half black and half white, 20 high and 40 wide."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, 20:] = 255
    for number in range(count):
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return read_calibration(str(folder))


def test_every_picture_is_seen_at_one_size_where_there_are_many(tmp_path: Path) -> None:
    images = pictures(tmp_path, 9)
    batches = calibration_batches(images, (WIDE, HIGH), taking(*FREE))
    assert len(batches) == len(list(batches)) == 9
    assert Counter(size for size, _ in batches) == {WIDE: 5, HIGH: 4}
    assert {image.path for _, image in batches.turns} == {image.path for image in images.images}


def test_every_picture_is_seen_at_every_size_where_there_are_few(tmp_path: Path) -> None:
    images = pictures(tmp_path, 7)
    batches = calibration_batches(images, (WIDE, HIGH), taking(*FREE))
    assert len(batches) == 14
    assert len({(size, image.path) for size, image in batches.turns}) == 14


def test_a_picture_is_letterboxed_to_0_to_1(tmp_path: Path) -> None:
    ((size, fed),) = calibration_batches(pictures(tmp_path, 1), (SMALL,), taking(*FREE))
    batch = fed["images"]
    assert (size, batch.dtype.name, batch.shape) == (SMALL, "float32", (1, 3, 32, 32))
    grey = np.float32(PADDING) / np.float32(255)
    np.testing.assert_array_equal(batch[..., :8, :], grey)
    np.testing.assert_array_equal(batch[..., 24:, :], grey)
    np.testing.assert_array_equal(batch[..., 8:24, :12], 0)
    np.testing.assert_array_equal(batch[..., 8:24, 20:], 1)


def test_a_card_without_letterbox_has_it_stretched(tmp_path: Path) -> None:
    card = ModelCard(network="some", letterbox=False)
    model = taking(*FREE, card=card)
    ((_, fed),) = calibration_batches(pictures(tmp_path, 1), (SMALL,), model)
    batch = fed["images"]
    np.testing.assert_array_equal(batch[..., :12], 0)
    np.testing.assert_array_equal(batch[..., 20:], 1)


def test_layout_type_and_batch_are_the_models(tmp_path: Path) -> None:
    images = pictures(tmp_path, 1)
    ((_, floats),) = calibration_batches(images, (WIDE,), taking(*FREE))
    model = taking(4, "height", "width", 3, dtype="uint8")
    ((_, fed),) = calibration_batches(images, (WIDE,), model)
    batch = fed["images"]
    assert (batch.dtype.name, batch.shape) == ("uint8", (4, 32, 96, 3))
    for one in batch:
        np.testing.assert_array_equal(
            one.transpose(2, 0, 1).astype(np.float32) / np.float32(255), floats["images"][0]
        )


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [(("b", 2, "h", "w"), "float32"), (("b", 4, "h", "w"), "float32"), (FREE, "int64")],
)
def test_a_model_that_takes_no_pictures_is_refused(
    tmp_path: Path, shape: tuple[Any, ...], dtype: str
) -> None:
    said = rf"some.onnx can't be calibrated: .* the model takes images {dtype}\["
    with pytest.raises(InputError, match=said):
        calibration_batches(pictures(tmp_path, 1), (SMALL,), taking(*shape, dtype=dtype))


def test_a_model_of_other_inputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not take images"):
        calibration_batches(pictures(tmp_path, 1), (SMALL,), taking("n", 3))


@pytest.mark.parametrize(
    ("size", "shape", "said"),
    [
        (Size(40, 32), FREE, "at 40x32: .*multiples of its stride 32"),
        (SMALL, (1, 3, 64, 32), "at 32x32: its height is fixed to 64, not 32"),
    ],
)
def test_a_size_that_the_model_does_not_take_is_refused(
    tmp_path: Path, size: Size, shape: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        calibration_batches(pictures(tmp_path, 1), (size,), taking(*shape))
