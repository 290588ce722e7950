"""``sizewise evaluate``: the accuracy of a model at each size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from netzoo.tasks.figures import TITLES
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
_METRICS = {
    "coco": "COCO's figures (0–1)",
    "voc07": "Pascal VOC, precision at 11 recalls (0–1)",
    "voc": "Pascal VOC, area below precision (0–1)",
}
_OF_MASKS = "Masks, mean over the images (0–1)"


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

    Detectors get AP and AP50, the figures of --metric, and AP of each class. Segmenters get mIoU,
    F-measure, MAE, S-measure and the mean E-measure (of classes: mIoU and the IoU of each),
    classifiers top-1 and top-5.
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
        "metric": evaluation.metric or None,
        "nms": None
        if evaluation.suppression is None
        else codec.to_plain(evaluation.suppression) | {"words": evaluation.nms},
        "rows": [{"size": str(row.size)} | _plain_row(row) for row in evaluation.rows],
    }


def _plain_row(row: SizeScores) -> dict[str, Any]:
    if row.reason:
        return {"reason": row.reason}
    found: dict[str, Any] = dict(row.scores)
    if row.by_class:
        found["iou_by_class"] = dict(row.by_class)
    if row.figures.values:
        found["figures"] = dict(row.figures.values)
    if row.figures.ap_by_class:
        found["ap_by_class"] = dict(row.figures.ap_by_class)
    return found


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
    shown = [row for row in rows if row.scores]
    by_figure = [{TITLES[n]: value for n, value in row.figures.values.items()} for row in shown]
    _show_by_size(_METRICS.get(evaluation.metric, _OF_MASKS), "figure", shown, by_figure)
    by_class = [row.figures.ap_by_class for row in shown]
    _show_by_size("AP of each class (0–1)", "class", shown, by_class)
    _show_by_size("IoU (0–1)", "class", shown, [row.by_class for row in shown])


def _show_by_size(
    title: str,
    what: str,
    rows: Sequence[SizeScores],
    values: Sequence[Mapping[str, float | None]],
) -> None:
    """A table with a column for each size, where there are any values."""
    names = dict.fromkeys(name for of_size in values for name in of_size)
    if names:
        console.show_table(
            title,
            (what, *(str(row.size) for row in rows)),
            [(name, *(_cell(of_size.get(name)) for of_size in values)) for name in names],
        )


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


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
