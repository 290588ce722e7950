"""The pictures that the errors of a file's layers are measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netzoo.data.faults import Noted
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel
from sizewise.pipeline.explanation.options import ExplainOptions
from sizewise.pipeline.models.calibrating import open_calibration

if TYPE_CHECKING:
    from exporter.calibration.images import CalibrationSet

_USUAL = 128
"""Pictures, of a file that does not say how many it was calibrated with."""


def find_pictures(
    model: ExportedModel, options: ExplainOptions, reporter: Reporter
) -> CalibrationSet | None:
    """Those that were given, or those of the built-in data set that the card names; None where
    there are neither. Raises UsageError where ``data`` was given and these are needed for it."""
    from exporter.registry import find_precision

    found = _given(model, options, reporter) if options.calibrate else _named(model, reporter)
    if found is None and find_precision(model.card.precision).calibrated:
        if options.data:
            raise UsageError(
                f"{spelled('data')} can't be given by itself",
                "to convert one layer alone, the calibration pictures are needed",
                f"Give {spelled('calibrate')}, too, or leave {spelled('data')} out.",
            )
        reporter.remark(
            f"Errors are not measured: give the calibration pictures with {spelled('calibrate')}."
        )
    return found


def built_in(name: str) -> str:
    """The built-in data set that a card's ``name`` of calibration pictures may mean."""
    return name.removesuffix(" train")


def _given(model: ExportedModel, options: ExplainOptions, reporter: Reporter) -> CalibrationSet:
    calibration = model.card.calibration
    limit = calibration.images if calibration else _USUAL
    found = open_calibration(options.calibrate, limit, options.images, Noted(), reporter)
    if calibration and found.sha256 != calibration.data_sha256:
        reporter.remark(
            f"{options.calibrate} has other pictures than {model.path.name} was calibrated with: "
            "scales, and so errors, may differ from the file's."
        )
    return found


def _named(model: ExportedModel, reporter: Reporter) -> CalibrationSet | None:
    from exporter.calibration.images import read_calibration
    from netzoo.data.sources import datasets

    calibration = model.card.calibration
    if calibration is None or (name := built_in(calibration.data)) not in datasets():
        return None
    found = read_calibration(name, limit=calibration.images, progress=reporter)
    return found if found.sha256 == calibration.data_sha256 else None
