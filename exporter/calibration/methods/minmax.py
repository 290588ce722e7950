"""Threshold at the largest observed magnitude: nothing is clipped."""

from __future__ import annotations

from exporter.calibration.method import Method

METHODS = (
    Method(name="minmax", needs_histogram=False, threshold=lambda observed: observed.absmax),
)
