"""``sizewise predict``: pictures through an engine, and what was found drawn on them.

The JSON is a list of COCO results. ``image_id`` is the place of the picture among those named, in
their order and from 1, and ``file_name`` is its path as it was named; ``category_id`` is the place
of the class among the model's, from 0; ``bbox`` is left, top, width and height in the pixels of the
picture as it is seen, upright.

A segmenter tells objects from background and no more: it gives one result for a picture with
objects in it, of ``category_id`` 0, with the mask of them all as ``segmentation`` (compressed
run-length encoding), its ``area`` in pixels, and the mean probability within it as ``score``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from netzoo.tasks.reading import ReadingOptions
from sizewise.cli import console
from sizewise.cli.options import Json, Out
from sizewise.cli.trust import TrustEngine, trusted_hashes
from sizewise.core.errors import InputError
from sizewise.core.files import output_folder
from sizewise.core.progress import SILENT
from sizewise.core.specs import Size
from sizewise.pipeline.prediction.choosing import choose_engine
from sizewise.pipeline.prediction.predictor import Outcome, coco_results, predict_all


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
    trust_engine: TrustEngine = "",
    out: Out = Path("runs/predict"),
    as_json: Json = False,
) -> None:
    """Find objects in pictures and draw them; with --json, print COCO results as well.

    A detector draws boxes, a segmenter a mask (and takes none of the options for boxes).
    """
    from engines.store.opening import open_engine
    from netzoo.data.class_names import read_names
    from sizewise.pipeline.prediction.drawings import find_pictures, name_drawings

    options = ReadingOptions(
        layout=layout,
        names=read_names(names) if names else (),
        score_threshold=score_threshold,
        iou_threshold=iou_threshold,
        max_detections=max_detections,
        tree_threshold=tree_threshold,
    )
    trusted = trusted_hashes(trust_engine, model)
    pictures = find_pictures(images)
    drawings = dict(zip(pictures, name_drawings(pictures, out), strict=True))
    engines = output_folder(out) / "engines"
    chosen = choose_engine(
        model,
        options,
        engines,
        backend=backend,
        size=Size.parse(size) if size else None,
        reporter=console.reporter(),
    )
    progress = console.reporter() if len(pictures) > 1 else SILENT
    with (
        open_engine(chosen.artifact, trusted) as session,
        progress.stage("Predicting", len(pictures)) as stage,
    ):
        outcome = predict_all(chosen.predictor, session, drawings, stage)
    if as_json:
        console.show_json(coco_results(pictures, outcome))
    else:
        _say(outcome, drawings)
    _close(outcome, out)


def _say(outcome: Outcome, drawings: Mapping[Path, Path]) -> None:
    for path, found in outcome.found.items():
        typer.echo(f"{path}: {found.words or 'nothing'} → {drawings[path]}")


def _close(outcome: Outcome, out: Path) -> None:
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
