"""What goes into packages does the same as the code that it stands for."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netzoo.data.pictures.decoding import decode_bytes
from netzoo.tasks.boxes.detecting import detect
from netzoo.tasks.letterbox import Letterbox
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.pictures.arrays import as_input
from sizewise.core.specs import (
    ImageInput,
    Preprocessing,
    Size,
    Suppression,
    TensorSpec,
)
from sizewise.core.specs.plan import InputRule
from sizewise.pipeline.prediction.packaging.shipped import detections, pictures
from tests.sizewise.core.planned import planned

SUPPRESSION = Suppression(score_threshold=0.3, iou_threshold=0.4, max_detections=20)


def _outputs(layout: str, seed: int) -> dict[str, Any]:
    """200 boxes of 3 classes in an input of 64 pixels, as ``layout`` has them."""
    made = np.random.default_rng(seed)
    corners = made.uniform(0, 48, (1, 200, 2))
    boxes = np.concatenate([corners, corners + made.uniform(0, 16, (1, 200, 2))], -1)
    scores = made.random((1, 200, 3)).round(2)  # some are equal
    labels = made.integers(-1, 3, (1, 200, 1))
    found: dict[str, Any] = {
        "sizewise": {"boxes": boxes, "scores": scores},
        "b_4c_n": {"out": np.concatenate([boxes, scores], -1).transpose(0, 2, 1)},
        "b_n_5c": {"out": np.concatenate([boxes, scores[..., :1], scores], -1)},
        "b_n_6": {"out": np.concatenate([boxes, scores[..., :1], labels], -1)},
        "sizewise_nms": {"detections": np.concatenate([boxes, scores[..., :1], labels], -1)},
    }
    return {name: array.astype(np.float32) for name, array in found[layout].items()}


@pytest.mark.parametrize("layout", detections.LAYOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_boxes_are_those_of_predict(layout: str, seed: int) -> None:
    outputs = _outputs(layout, seed)
    (expected,) = detect(layout, outputs, SUPPRESSION)
    reading = {"layout": layout, **vars(SUPPRESSION)}
    boxes, scores, classes = detections.detect(outputs, reading)
    assert len(boxes)
    assert (boxes.dtype, scores.dtype, classes.dtype) == (np.float32, np.float32, np.int64)
    np.testing.assert_array_equal(boxes, expected.boxes)
    np.testing.assert_array_equal(scores, expected.scores)
    np.testing.assert_array_equal(classes, expected.labels)


def test_more_candidates_than_are_considered() -> None:
    made = np.random.default_rng(0)
    outputs = {
        "boxes": np.zeros((1, 5000, 4), np.float32),
        "scores": made.random((1, 5000, 1), np.float32),
    }
    (expected,) = detect("sizewise", outputs, SUPPRESSION)
    reading = {"layout": "sizewise", **vars(SUPPRESSION)}
    _, scores, _ = detections.detect(outputs, reading)
    np.testing.assert_array_equal(scores, expected.scores)


def test_outputs_that_are_no_numbers_are_refused() -> None:
    outputs = _outputs("sizewise", 0)
    outputs["scores"][0, 3, 1] = np.nan
    with pytest.raises(InferenceError):
        detect("sizewise", outputs, SUPPRESSION)
    with pytest.raises(ValueError, match="no detections: NaN"):
        detections.detect(outputs, {"layout": "sizewise", **vars(SUPPRESSION)})


@pytest.mark.parametrize("keep_shape", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_a_picture_goes_in_and_boxes_come_back_as_in_predict(seed: int, keep_shape: bool) -> None:
    made = np.random.default_rng(seed)
    height, width = (int(one) for one in made.integers(1, 200, 2))
    size = Size(*(int(one) * 32 for one in made.integers(1, 5, 2)))
    picture = made.integers(0, 256, (height, width, 3)).astype(np.uint8)
    expected = Letterbox.fit(Size(height, width), size, keep_shape=keep_shape)
    fit = pictures.Fit(height, width, [size.height, size.width], letterbox=keep_shape)
    np.testing.assert_array_equal(fit.apply(picture), expected.apply(picture))
    boxes = made.uniform(-20, 200, (9, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        fit.to_picture(boxes), expected.clip(expected.boxes_to_source(boxes))
    )


@pytest.mark.parametrize(
    ("dtype", "channels", "first", "how"),
    [
        ("float32", 3, True, Preprocessing()),
        ("float16", 3, True, Preprocessing(order="bgr", most=255)),
        ("float32", 3, False, Preprocessing(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.2))),
        ("uint8", 3, False, Preprocessing(order="bgr")),
        ("float32", 1, True, Preprocessing(order="gray", most=255)),
        ("uint8", 1, True, Preprocessing(order="gray")),
    ],
)
def test_the_input_is_that_of_predict(
    dtype: str, channels: int, first: bool, how: Preprocessing
) -> None:
    shape = (1, channels, "h", "w") if first else (1, "h", "w", channels)
    image = ImageInput(tensor=TensorSpec(name="x", dtype=dtype, shape=shape), channels_first=first)
    planes = np.random.default_rng(0).random((3, 4, 6), np.float32)
    engine = {
        "input": {"channels": channels, "dtype": dtype, "channels_first": first},
        "colours": {
            "order": how.order,
            "most": how.most,
            "mean": list(how.mean),
            "std": list(how.std),
        },
    }
    found = pictures.as_input(planes, engine)
    np.testing.assert_array_equal(found, as_input(planes, image, how)[np.newaxis])
    assert found.dtype == dtype
    assert found.flags["C_CONTIGUOUS"]


def test_places_are_those_of_the_plan() -> None:
    plan = replace(planned(), rule=InputRule(side_px=128, stride=32, smallest_px=50))
    routing = {
        "rule": {"side_px": 128, "stride": 32, "smallest_px": 50},
        "routes": [
            [
                [one.picture.height, one.picture.width],
                one.place.engine,
                [one.place.input.height, one.place.input.width],
            ]
            for one in plan.routes
        ],
        "engines": [
            {
                "name": one.name,
                "sizes": [[size.height, size.width] for size in one.sizes],
                "profiles": [
                    [[each.min.height, each.min.width], [each.max.height, each.max.width]]
                    for each in one.spec.profiles
                ],
            }
            for one in plan.engines
        ],
    }
    made = random.Random(0)
    sizes = [Size(made.randint(1, 400), made.randint(1, 400)) for _ in range(500)]
    for size in (*sizes, *(one.picture for one in plan.routes), Size(640, 416)):
        expected = plan.place_of(size)
        engine, found = pictures.place_of(routing, size.height, size.width)
        assert (engine["name"], Size(*found)) == (expected.engine, expected.input), size


def _saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)
    return _saved(Image.fromarray(pixels), "PNG", exif=exif)


@pytest.mark.parametrize(
    "content",
    [
        _turned(),
        _saved(Image.linear_gradient("L"), "JPEG"),
        _saved(Image.new("RGBA", (5, 7), (200, 10, 30, 100)), "PNG"),
        _saved(Image.new("P", (5, 7), 3), "GIF"),
    ],
)
def test_pictures_are_decoded_as_predict_does_it(content: bytes) -> None:
    found = pictures.pixels_of(content, 10**6)
    np.testing.assert_array_equal(found, decode_bytes(content))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no picture", "none of BMP, GIF"),
        (_saved(Image.new("I;16", (5, 7)), "PNG"), "more than 8 bits"),
        (_saved(Image.new("RGB", (500, 700)), "PNG"), "700x500 pixels, and 10000 are the most"),
    ],
)
def test_what_is_no_picture_is_a_sentence(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        pictures.pixels_of(content, 10_000)
    with pytest.raises(InputError):
        decode_bytes(content, most_pixels=10_000)


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_other_arrays_are_refused(array: Any) -> None:
    with pytest.raises(ValueError, match="RGB uint8"):
        pictures.pixels_of(array, 10_000)


def test_a_file_and_its_pixels_are_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.linear_gradient("L").save(path)
    pixels = pictures.pixels_of(path, 10**6)
    np.testing.assert_array_equal(pictures.pixels_of(pixels, 10**6), pixels)
    np.testing.assert_array_equal(pictures.pixels_of(str(path), 10**6), pixels)
