"""Calibration pictures as they are opened: what is wrong is left out and said, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.data.faults import Faults
from sizewise.core.progress import Reporter
from sizewise.pipeline.models.left_out import say_left_out

if TYPE_CHECKING:
    from exporter.calibration.images import CalibrationSet


def open_calibration(
    source: str, limit: int, images: Path | None, faults: Faults, reporter: Reporter
) -> CalibrationSet:
    """Up to ``limit`` calibration pictures of ``source``; what ``faults`` leaves out is said.
    Raises UsageError and InputError."""
    from exporter.calibration.images import read_calibration

    found = read_calibration(source, limit=limit, images=images, progress=reporter, faults=faults)
    say_left_out(found.name, faults.found, reporter)
    return found
