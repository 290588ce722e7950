"""``sizewise evaluate``: the accuracy of a model at each size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core.exit_codes import ExitCode
from sizewise.pipeline.evaluate import EvaluateOptions, Evaluation


def evaluate(
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

    Detectors get AP and AP50, segmenters mIoU, F-measure and MAE, classifiers top-1 and top-5 (of a
    checkpoint only).
    """
    from sizewise.pipeline.evaluate import evaluate

    evaluation = evaluate(source, options, reporter=console.reporter())
    if as_json:
        console.show_json(_plain(evaluation))
    else:
        _show(evaluation)
    console.next_step(_next(evaluation, options.data))
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
        "rows": [
            {"size": str(row.size)} | ({"reason": row.reason} if row.reason else dict(row.scores))
            for row in evaluation.rows
        ],
    }


def _show(evaluation: Evaluation) -> None:
    metrics, rows = evaluation.metrics, evaluation.rows
    reasons = any(row.reason for row in rows)
    console.remark(
        f"{evaluation.source.name} in {evaluation.runs_in}, on {evaluation.images} images of "
        f"{evaluation.data}"
    )
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


def _next(evaluation: Evaluation, data: str) -> str:
    source = evaluation.source
    if source.is_dir():
        return f"{console.command('predict', source)} PICTURE…"
    if source.suffix == ".onnx":
        listed = ",".join(map(str, evaluation.sizes))
        return console.command("bench", source, "--data", data, "--sizes", listed)
    return console.command("export", source, "--dynamic")
