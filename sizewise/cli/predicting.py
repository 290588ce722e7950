"""Pictures one after another through a detector: drawn, and what was found kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.cli.detector import Detector
from sizewise.errors import InferenceError, InputError, OutputError, SizewiseError
from sizewise.files import written_whole
from sizewise.progress import Stage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engines.base import Session
    from netzoo.tasks.suppression import Detections

    Pixels = NDArray[np.uint8]

_QUALITY = 95
"""Of JPEG, with full colour resolution: frames are one or two pixels wide."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Every picture is in one of them."""

    found: dict[Path, Detections] = field(default_factory=dict)
    failed: dict[Path, SizewiseError] = field(default_factory=dict)


def predict_all(
    detector: Detector, session: Session, drawings: Mapping[Path, Path], stage: Stage
) -> Outcome:
    """``drawings`` maps each picture to the file that it is drawn into. One that can't be decoded,
    drawn or given numbers costs nothing but itself.

    Raises InputError where the outputs do not have the layout, EngineError where the engine fails.
    """
    from engines.feeding import infer_images

    outcome = Outcome()
    readable = _readable(tuple(drawings), outcome, stage)
    while batch := list(islice(readable, detector.artifact.spec.batch_size)):
        fits = [detector.fit(picture) for _, picture in batch]
        planes = [fit.apply(picture) for fit, (_, picture) in zip(fits, batch, strict=True)]
        outputs = infer_images(session, planes)
        for (path, picture), fit, of_picture in zip(batch, fits, outputs, strict=True):
            try:
                found = detector.read(fit, of_picture)
                _draw(picture, found, detector.card.classes, drawings[path])
            except (InferenceError, OutputError) as error:
                outcome.failed[path] = error
            else:
                outcome.found[path] = found
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


def _draw(picture: Pixels, found: Detections, classes: Sequence[str], path: Path) -> None:
    from netzoo.tasks.drawing import draw_detections

    drawn = draw_detections(picture, found, classes)
    with written_whole(path) as draft:
        if path.suffix == ".png":
            drawn.save(draft, "PNG")
        else:
            drawn.save(draft, "JPEG", quality=_QUALITY, subsampling=0)


def coco_results(pictures: Sequence[Path], outcome: Outcome) -> list[dict[str, Any]]:
    """What was found in ``pictures``; ``sizewise.cli.predict`` says what the keys mean."""
    return [
        {
            "image_id": number,
            "file_name": str(path),
            "category_id": label,
            "bbox": [round(side, 3) for side in (x0, y0, x1 - x0, y1 - y0)],
            "score": round(score, 6),
        }
        for number, path in enumerate(pictures, start=1)
        if (found := outcome.found.get(path))
        for (x0, y0, x1, y1), score, label in zip(
            found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True
        )
    ]
