"""``sizewise evaluate``: the accuracy of a model at each size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from netzoo.tasks.reading import NMS_FIELDS
from netzoo.tasks.showing import PictureOptions, own_fit, said_pictures
from sizewise.cli import console
from sizewise.cli.options import Json, spell, typed
from sizewise.core import codec
from sizewise.core.exit_codes import ExitCode
from sizewise.core.options.declared import options_of
from sizewise.pipeline.evaluate import EvaluateOptions, Evaluation, SizeScores
from sizewise.pipeline.models.trust import LIMITS

_MEANING = ("backend", "layout", "names", *options_of(PictureOptions), *LIMITS)
_OF_ENGINES = (*_MEANING, "trust_engine")
"""What predict takes as well, of an engine; it has thresholds of its own."""
_OF_FILES = ("data", "images", *_MEANING, *NMS_FIELDS)
"""What bench takes as well."""


def evaluate(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A .safetensors checkpoint, an ONNX file, or the folder of an engine.",
        ),
    ],
    options: EvaluateOptions,
    *,
    as_json: Json = False,
) -> None:
    """Measure accuracy at every size, on the validation part of the data.

    Detectors get AP and AP50, segmenters mIoU, F-measure and MAE (of classes: mIoU and the IoU of
    each), classifiers top-1 and top-5.
    """
    from sizewise.pipeline.evaluate import evaluate

    evaluation = evaluate(source, options, reporter=console.reporter())
    if as_json:
        console.show_json(_plain(evaluation))
    else:
        _show(evaluation)
    console.next_step(_next(evaluation, context))
    if any(row.reason for row in evaluation.rows):
        raise typer.Exit(ExitCode.FAILED)


def _plain(evaluation: Evaluation) -> dict[str, Any]:
    card = evaluation.card
    return {
        "source": str(evaluation.source),
        "network": card.network,
        "fusion": card.fusion,
        "task": card.task,
        "runs_in": evaluation.runs_in,
        "data": {
            "name": evaluation.data,
            "sha256": evaluation.data_sha256,
            "images": evaluation.images,
        },
        "fit": own_fit(card),
        "pictures": codec.to_plain(card.preprocessing) | {"words": str(card.preprocessing)},
        "nms": None
        if evaluation.suppression is None
        else codec.to_plain(evaluation.suppression) | {"words": evaluation.nms},
        "rows": [{"size": str(row.size)} | _plain_row(row) for row in evaluation.rows],
    }


def _plain_row(row: SizeScores) -> dict[str, Any]:
    if row.reason:
        return {"reason": row.reason}
    return dict(row.scores) | ({"iou_by_class": dict(row.by_class)} if row.by_class else {})


def _show(evaluation: Evaluation) -> None:
    metrics, rows = evaluation.metrics, evaluation.rows
    reasons = any(row.reason for row in rows)
    console.remark(
        f"{evaluation.source.name} in {evaluation.runs_in}, on {evaluation.images} images of "
        f"{evaluation.data}"
    )
    card = evaluation.card
    console.remark(said_pictures(card))
    if evaluation.nms:
        console.remark(f"NMS: {evaluation.nms}.")
    console.show_table(
        "Accuracy (0–1)",
        ("size (H×W)", *metrics.values(), *(["reason"] if reasons else [])),
        [
            (
                row.size,
                *(f"{row.scores[name]:.3f}" if row.scores else "–" for name in metrics),
                *([row.reason] if reasons else []),
            )
            for row in rows
        ],
    )
    _show_classes(rows)


def _show_classes(rows: Sequence[SizeScores]) -> None:
    """The IoU of each class, where there are several."""
    scored = [row for row in rows if row.by_class]
    names = dict.fromkeys(name for row in scored for name in row.by_class)
    if names:
        console.show_table(
            "IoU (0–1)",
            ("class", *(str(row.size) for row in scored)),
            [(name, *(_iou(row, name) for row in scored)) for name in names],
        )


def _iou(row: SizeScores, name: str) -> str:
    return f"{row.by_class[name]:.3f}" if name in row.by_class else "–"


def _next(evaluation: Evaluation, context: typer.Context) -> str:
    """A command that takes pictures and outputs as this one did."""
    source = evaluation.source
    if source.is_dir():
        words = typed(context, _OF_ENGINES)
        return f"{console.command('predict', source, *words)} PICTURE…"
    if source.suffix == ".onnx":
        words = typed(context, _OF_FILES)
        listed = ",".join(map(str, evaluation.sizes))
        return console.command("bench", source, *words, spell("sizes"), listed)
    return console.command("export", source, "--dynamic")
