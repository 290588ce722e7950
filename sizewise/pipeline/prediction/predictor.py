"""Pictures one after another through a model: drawn, and what was found kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sizewise.core.errors import InferenceError, InputError, OutputError, SizewiseError
from sizewise.core.files import written_whole
from sizewise.core.progress import Stage
from sizewise.core.specs import EngineArtifact, ModelCard, Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from engines.base import Session
    from netzoo.tasks.letterbox import Letterbox

    Pixels = NDArray[np.uint8]

_QUALITY = 95
"""Of JPEG, with full colour resolution: frames are one or two pixels wide."""


Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class Predictor(ABC, Generic[Found]):
    """An engine, the size of its input, and how its outputs are read and shown."""

    artifact: EngineArtifact
    size: Size
    card: ModelCard

    def fit(self, picture: Pixels) -> Letterbox:
        """How ``picture``, RGB [H, W, 3], goes into the input."""
        from netzoo.tasks.letterbox import Letterbox

        height, width, _ = picture.shape
        return Letterbox.fit(Size(height, width), self.size, keep_shape=self.card.letterbox)

    @abstractmethod
    def read(self, fitted: Letterbox, outputs: dict[str, NDArray[Any]]) -> Found:
        """What is in a picture, in its own pixels; ``outputs`` are for a batch of one. Raises
        InputError where they are not what was to be expected, InferenceError for what is no
        number."""

    @abstractmethod
    def draw(self, picture: Pixels, found: Found) -> Image.Image:
        """A copy of ``picture``, RGB [H, W, 3], with ``found`` on it."""

    @abstractmethod
    def describe(self, found: Found) -> str:
        """In a few words; empty for nothing."""

    @abstractmethod
    def results(self, found: Found) -> list[dict[str, Any]]:
        """As COCO results, without the picture's keys."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Of one picture, in words (empty: nothing) and as COCO results: no masks or maps, for there
    may be many pictures."""

    words: str
    results: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Every picture is in one of them."""

    found: dict[Path, Finding] = field(default_factory=dict)
    failed: dict[Path, SizewiseError] = field(default_factory=dict)


def predict_all(
    predictor: Predictor[Any], session: Session, drawings: Mapping[Path, Path], stage: Stage
) -> Outcome:
    """``drawings`` maps each picture to the file that it is drawn into. One that can't be decoded,
    drawn or given numbers costs nothing but itself.

    Raises InputError where the outputs are not as expected, EngineError where the engine fails.
    """
    from engines.feeding import infer_images

    outcome = Outcome()
    readable = _readable(tuple(drawings), outcome, stage)
    while batch := list(islice(readable, predictor.artifact.spec.batch_size)):
        fits = [predictor.fit(picture) for _, picture in batch]
        planes = [fit.apply(picture) for fit, (_, picture) in zip(fits, batch, strict=True)]
        outputs = infer_images(session, planes)
        for (path, picture), fit, of_picture in zip(batch, fits, outputs, strict=True):
            try:
                found = predictor.read(fit, of_picture)
                _save(predictor.draw(picture, found), drawings[path])
            except (InferenceError, OutputError) as error:
                outcome.failed[path] = error
            else:
                outcome.found[path] = Finding(
                    words=predictor.describe(found), results=predictor.results(found)
                )
            stage.advance(note=path.name)
    return outcome


def _readable(
    paths: Sequence[Path], outcome: Outcome, stage: Stage
) -> Iterator[tuple[Path, Pixels]]:
    from netzoo.data.decoding import decode_picture

    for path in paths:
        try:
            picture = decode_picture(path)
        except InputError as error:
            outcome.failed[path] = error
            stage.advance(note=path.name)
        else:
            yield path, picture


def _save(drawn: Image.Image, path: Path) -> None:
    with written_whole(path) as draft:
        if path.suffix == ".png":
            drawn.save(draft, "PNG")
        else:
            drawn.save(draft, "JPEG", quality=_QUALITY, subsampling=0)


def coco_results(pictures: Sequence[Path], outcome: Outcome) -> list[dict[str, Any]]:
    """What was found in ``pictures``; ``sizewise.cli.predict`` says what the keys mean."""
    return [
        {"image_id": number, "file_name": str(path)} | result
        for number, path in enumerate(pictures, start=1)
        if path in outcome.found
        for result in outcome.found[path].results
    ]
