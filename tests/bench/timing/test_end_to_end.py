"""From a picture to its objects, by a clock that stands still but for what the test says."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.timing.end_to_end import PARTS, time_pictures, why_not
from engines.base import Array, Session
from netzoo.data.coco.dataset import Dataset, read_coco
from netzoo.data.pictures.decoding import decode_picture
from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.kinds.detection import BoxPredictor
from netzoo.tasks.letterbox import Letterbox
from sizewise.core.errors import InputError
from sizewise.core.specs import (
    BuiltEngine,
    EngineSpec,
    ImageInput,
    ModelCard,
    Profile,
    Size,
    TensorSpec,
)
from tests.bench.models import CARD
from tests.bench.pictures import BOX, PICTURES, write_pictures

SIZE = Size(96, 64)
"""Twice the pictures' size, so that boxes come back exactly."""
INPUT = ImageInput(
    tensor=TensorSpec(name="images", dtype="float32", shape=("batch", 3, "height", "width")),
    channels_first=True,
)
TAKES_NS = {"read": 7, "letterbox": 20, "engine": 300, "decode": 5000}


class Finder(Session):
    """Finds the white rectangle of each picture, and says so as its graph would."""

    def __init__(self, card: ModelCard, batch_size: int, clock: Clock) -> None:
        super().__init__(
            BuiltEngine(
                path=Path("finder"),
                model_sha256="",
                image=INPUT,
                outputs=(),
                card=card,
                spec=EngineSpec(
                    backend="fake",
                    strategy="static",
                    profiles=(Profile.fixed(SIZE),),
                    batch_size=batch_size,
                ),
            )
        )
        self._clock = clock

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        self._images = images

    def enqueue(self) -> None:
        self._clock.now_ns += TAKES_NS["engine"]

    def outputs(self) -> dict[str, Array]:
        boxes = np.stack([_bright(image) for image in self._images])[:, None]
        count = len(boxes)
        if self.artifact.card.layout == "sizewise":
            scores = np.tile(np.array([0.9, 0], np.float32), (count, 2, 1))
            return {"boxes": np.repeat(boxes, 2, axis=1), "scores": scores}
        score_and_label = np.tile(np.array([0.9, 0], np.float32), (count, 1, 1))
        return {"detections": np.concatenate([boxes, score_and_label], axis=2)}


class Clock:
    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def slowed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, which now takes TAKES_NS."""

        def slow(*arguments: Any) -> Any:
            self.now_ns += TAKES_NS[name]
            return function(*arguments)

        return slow


def _bright(image: Array) -> Array:
    rows, columns = np.nonzero(image.min(axis=0) > 0.99)
    ends = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return np.array(ends, np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read_coco(write_pictures(tmp_path_factory.mktemp("pictures")))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    slow = clock.slowed("read", decode_picture)
    monkeypatch.setattr("bench.timing.end_to_end.decode_picture", slow)
    monkeypatch.setattr(Letterbox, "apply", clock.slowed("letterbox", Letterbox.apply))
    return clock


@pytest.mark.parametrize("layout", ["sizewise", "sizewise_nms"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_every_part_is_timed_and_the_objects_are_found(
    data: Dataset, clock: Clock, monkeypatch: pytest.MonkeyPatch, layout: str, batch_size: int
) -> None:
    found: list[Detections] = []
    read = BoxPredictor.read

    def noting(*arguments: Any) -> Detections:
        assert not gc.isenabled() or len(found) < batch_size  # the first batch is not timed
        found.append(read(*arguments))
        return found[-1]

    monkeypatch.setattr(BoxPredictor, "read", clock.slowed("decode", noting))
    card = replace(CARD, layout=layout)
    session = Finder(card, batch_size, clock)
    paths = [image.path for image in data.images]
    parts = time_pictures(session, clock, card, SIZE, paths, wave=4)
    calls = -(-PICTURES // batch_size)
    times = {part.name: part.latency_ns for part in parts}
    assert tuple(times) == PARTS
    assert {part.wave for part in parts} == {4}
    for name, per_picture in TAKES_NS.items():
        one = per_picture if name == "engine" else per_picture * batch_size
        assert times[name] == (one,) * calls
    from_pixels = (times[name] for name in TAKES_NS if name != "read")
    assert times["whole"] == tuple(map(sum, zip(*from_pixels, strict=True)))
    assert len(found) == (calls + 1) * batch_size
    for objects in found:
        np.testing.assert_allclose(objects.boxes, [BOX], atol=0.51)
        assert objects.labels.tolist() == [0]


def test_a_picture_that_can_not_be_read_is_named(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "no.png"
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"no\.png can't be decoded"):
        time_pictures(Finder(CARD, 1, clock), clock, CARD, SIZE, [path], wave=0)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"layout": "sizewise_nms"}, ""),
        ({"task": "segmentation", "layout": "unknown"}, ""),
        ({"task": "unknown"}, "does not say what its outputs mean"),
        ({"task": "classification"}, "outputs of its task, classification"),
        ({"layout": "unknown"}, "reads the layout unknown"),
    ],
)
def test_why_the_way_can_not_be_timed(data: Dataset, changes: dict[str, str], why: str) -> None:
    said = why_not(replace(CARD, **changes), INPUT, data)  # type: ignore[arg-type]
    assert why in said
    assert bool(said) == bool(why)


def test_without_pictures_there_is_no_way(data: Dataset) -> None:
    assert "come with" in why_not(CARD, INPUT, None)
    assert "no images" in why_not(CARD, INPUT, replace(data, images=()))
    grey = replace(INPUT, tensor=replace(INPUT.tensor, shape=("batch", 4, "height", "width")))
    assert "the model takes images" in why_not(CARD, grey, data)
