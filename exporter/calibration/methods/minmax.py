"""Nothing is clipped: the threshold is the largest magnitude that was seen."""

from __future__ import annotations

from exporter.calibration.method import Method

METHODS = (
    Method(name="minmax", needs_histogram=False, threshold=lambda observed: observed.absmax),
)
