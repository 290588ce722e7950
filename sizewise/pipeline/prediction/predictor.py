"""Run pictures one after another through a model, and draw what is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizewise.core.errors import InferenceError, InputError, OutputError, SizewiseError
from sizewise.core.files import written_whole
from sizewise.core.progress import Stage
from sizewise.core.specs import Size

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from engines.base import Inferring
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Pixels, Predictor

_QUALITY = 95
"""Of JPEG, with full colour resolution: frames are one or two pixels wide."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found in one picture: in words (empty: nothing) and as COCO results.

    No masks or maps are kept, for there may be many pictures.
    """

    words: str
    results: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of each picture: it is in one of the two."""

    found: dict[Path, Finding] = field(default_factory=dict)
    failed: dict[Path, SizewiseError] = field(default_factory=dict)


def predict_all(
    predictor: Predictor[Any],
    session: Inferring,
    drawings: Mapping[Path, Path],
    stage: Stage,
    frames: Mapping[Path, Size],
) -> Outcome:
    """Find what is in each picture, and draw it into the file that ``drawings`` maps it to.

    Pictures in ``frames`` are decoded as their annotations are for them: of this size. One that
    can't be decoded or drawn, or whose outputs are NaN, fails alone.

    Raises InputError where the outputs are not as expected, EngineError where the engine fails.
    """
    outcome = Outcome()
    readable = _readable(tuple(drawings), outcome, stage, frames)
    while batch := list(islice(readable, session.artifact.spec.batch_size)):
        inferred = infer_pictures(predictor, session, [picture for _, picture in batch])
        for (path, picture), (fit, outputs) in zip(batch, inferred, strict=True):
            try:
                found = predictor.read(fit, outputs)
                _save(predictor.draw(picture, found), drawings[path])
            except (InferenceError, OutputError) as error:
                outcome.failed[path] = error
            else:
                outcome.found[path] = Finding(
                    words=predictor.describe(found), results=predictor.results(found)
                )
            stage.advance(note=path.name)
    return outcome


def infer_pictures(
    predictor: Predictor[Any], session: Inferring, pictures: Sequence[Pixels]
) -> Iterator[tuple[Letterbox, Mapping[str, NDArray[Any]]]]:
    """How each picture, RGB [H, W, 3], went into the input, and the outputs for it. Raises
    EngineError."""
    from engines.feeding import infer_images

    fits = [predictor.fit(picture) for picture in pictures]
    planes = [fit.apply(picture) for fit, picture in zip(fits, pictures, strict=True)]
    return zip(fits, infer_images(session, planes, predictor.card.preprocessing), strict=True)


def _readable(
    paths: Sequence[Path], outcome: Outcome, stage: Stage, frames: Mapping[Path, Size]
) -> Iterator[tuple[Path, Pixels]]:
    from netzoo.data.pictures.decoding import decode_picture
    from netzoo.data.pictures.images import read_picture

    for path in paths:
        try:
            frame = frames.get(path)
            picture = (
                decode_picture(path)
                if frame is None
                else read_picture(path, frame.height, frame.width)
            )
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
