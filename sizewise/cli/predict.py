"""``sizewise predict``: pictures through an engine, and what was found drawn on them.

The JSON is a list of COCO results. ``image_id`` is the place of the picture among those named, in
their order and from 1, and ``file_name`` is its path as it was named; ``category_id`` is the place
of the class among the model's, from 0; ``bbox`` is left, top, width and height in the pixels of the
picture as it is seen, upright.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizewise.cli import console
from sizewise.cli.detector import Detector, obtain_detector
from sizewise.cli.options import Json, Out
from sizewise.cli.readable import ReadingOptions
from sizewise.errors import InferenceError, InputError, OutputError, SizewiseError
from sizewise.files import output_folder, written_whole
from sizewise.progress import SILENT, Stage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engines.base import Session
    from netzoo.tasks.suppression import Detections

    Pixels = NDArray[np.uint8]

_QUALITY = 95
"""Of JPEG, with full colour resolution: frames are one or two pixels wide."""


def predict(
    model: Annotated[
        Path, typer.Argument(help="An ONNX file, or the folder of an engine (sizewise build).")
    ],
    images: Annotated[list[Path], typer.Argument(help="Pictures, and folders of pictures.")],
    *,
    backend: Annotated[
        str, typer.Option(help="The back end for an ONNX file (empty: onnxruntime).")
    ] = "",
    size: Annotated[
        str, typer.Option(help="The input's size, 416 or 384x640 (empty: the model's own, or 416).")
    ] = "",
    layout: Annotated[str, typer.Option(help="How a foreign detector's outputs are read.")] = "",
    names: Annotated[Path | None, typer.Option(help="Class names, one a line.")] = None,
    score_threshold: Annotated[
        float | None, typer.Option(help="Boxes that score more are shown.", show_default="0.25")
    ] = None,
    iou_threshold: Annotated[
        float | None,
        typer.Option(
            help="Of boxes of a class that overlap more, the best stays.", show_default="0.45"
        ),
    ] = None,
    max_detections: Annotated[
        int | None, typer.Option(min=1, help="The most in a picture.", show_default="300")
    ] = None,
    tree_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="The least of a narrower class in a tree.")
    ] = 0.5,
    out: Out = Path("runs/predict"),
    as_json: Json = False,
) -> None:
    """Find objects in pictures and draw them; with --json, print COCO results as well."""
    from engines.opening import open_engine
    from sizewise.cli.classes import read_names
    from sizewise.cli.pictures import find_pictures, name_drawings

    options = ReadingOptions(
        layout=layout,
        names=read_names(names) if names else (),
        score_threshold=score_threshold,
        iou_threshold=iou_threshold,
        max_detections=max_detections,
        tree_threshold=tree_threshold,
    )
    pictures = find_pictures(images)
    drawings = dict(zip(pictures, name_drawings(pictures, out), strict=True))
    engines = output_folder(out) / "engines"
    detector = obtain_detector(model, options, engines, backend=backend, size=size)
    progress = console.progress() if len(pictures) > 1 else SILENT
    with (
        open_engine(detector.artifact) as session,
        progress.stage("Predicting", len(pictures)) as stage,
    ):
        outcome = _predict_all(detector, session, drawings, stage)
    if as_json:
        console.show_json(_coco_results(pictures, outcome))
    else:
        _say(outcome, drawings, detector.card.classes)
    _close(outcome, out)


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """Every picture is in one of them."""

    found: dict[Path, Detections] = field(default_factory=dict)
    failed: dict[Path, SizewiseError] = field(default_factory=dict)


def _predict_all(
    detector: Detector, session: Session, drawings: Mapping[Path, Path], stage: Stage
) -> _Outcome:
    """A picture that fails costs nothing but itself."""
    from engines.feeding import infer_images

    outcome = _Outcome()
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
    paths: Sequence[Path], outcome: _Outcome, stage: Stage
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


def _coco_results(pictures: Sequence[Path], outcome: _Outcome) -> list[dict[str, Any]]:
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


def _say(outcome: _Outcome, drawings: Mapping[Path, Path], classes: Sequence[str]) -> None:
    from netzoo.tasks.drawing import class_name

    for path, found in outcome.found.items():
        counts = Counter(class_name(label, classes) for label in found.labels.tolist())
        listed = ", ".join(f"{count}× {name}" for name, count in counts.items())
        typer.echo(f"{path}: {listed or 'nothing'} → {drawings[path]}")


def _close(outcome: _Outcome, out: Path) -> None:
    """Name what failed; exit code 3, or 1 where nothing else was."""
    failed = tuple(outcome.failed.values())
    total = len(outcome.found) + len(failed)
    if failed and total == 1:
        raise failed[0]
    for error in failed:
        console.remark(str(error))
    if failed and not outcome.found:
        raise InputError(
            "Nothing was predicted", f"none of the {total} pictures could be used", "See above."
        )
    console.next_step(f"look at {out}; the same with --json prints COCO results")
    if failed:
        console.remark(f"{len(failed)} of {total} pictures failed, for the reasons above.")
        raise typer.Exit(3)
