"""``sizewise predict``: find objects in pictures with an engine, and draw them.

``sizewise.pipeline.predict.Predictions.results`` says what the JSON means.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netzoo.tasks.showing import said_pictures
from sizewise.cli import console
from sizewise.cli.failures import all_failed, say_error
from sizewise.cli.options import Json, Out
from sizewise.core.exit_codes import ExitCode
from sizewise.pipeline.predict import Predictions
from sizewise.pipeline.prediction.options import PredictOptions


def predict(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="An ONNX file, or the folder of an engine (sizewise build)."
        ),
    ],
    images: Annotated[
        list[Path], typer.Argument(metavar="PICTURES", help="Pictures, and folders of pictures.")
    ],
    options: PredictOptions,
    *,
    out: Out = Path("runs/predict"),
    as_json: Json = False,
) -> None:
    """Find objects in pictures and draw them; with --json, print COCO results as well.

    A detector draws boxes, a segmenter a mask (and takes none of the options for boxes).
    """
    from sizewise.pipeline.predict import predict

    predictions = predict(model, images, options, out=out, reporter=console.reporter())
    _demand_some(predictions)
    console.remark(said_pictures(predictions.card))
    if as_json:
        for remark in predictions.ids.remarks:
            console.remark(remark)
        console.show_json(predictions.results())
    else:
        _say(predictions)
    _close(predictions, out)


def _say(predictions: Predictions) -> None:
    for path, found in predictions.found.items():
        console.say(f"{path}: {found.words or 'nothing'} → {predictions.drawings[path]}")


def _demand_some(predictions: Predictions) -> None:
    """Raises SizewiseError where no picture succeeded."""
    failed = tuple(predictions.failed.values())
    if failed and not predictions.found:
        for error in failed if len(failed) > 1 else ():
            say_error(str(error))
        raise all_failed("Nothing was predicted", failed)


def _close(predictions: Predictions, out: Path) -> None:
    """Say what failed, and exit with the code of that. COCO results have no place for it."""
    failed = tuple(predictions.failed.values())
    total = len(predictions.drawings)
    for error in failed:
        say_error(str(error))
    console.next_step(f"see the drawings in {out}; add --json for COCO results")
    if failed:
        say_error(f"{len(failed)} of {total} pictures failed, for the reasons above.")
        raise typer.Exit(ExitCode.FAILED)
