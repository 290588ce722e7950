"""Trials, and the runs, results and blocks of their measurement: raw, never clipped."""

from __future__ import annotations

from sizewise.core.trials.figures import (
    METRICS,
    Accuracy,
    Build,
    Memory,
    Metric,
)
from sizewise.core.trials.flushing import NOTICEABLE, Flushing
from sizewise.core.trials.results import EXPECTED_OOM, Result, Run, Status
from sizewise.core.trials.samples import (
    Block,
    FirstCall,
    Part,
    Reading,
    Round,
    Sample,
    ShapeChange,
)
from sizewise.core.trials.trial import EARLIER_HARNESS, Cell, Trial

__all__ = [
    "EARLIER_HARNESS",
    "EXPECTED_OOM",
    "METRICS",
    "NOTICEABLE",
    "Accuracy",
    "Block",
    "Build",
    "Cell",
    "FirstCall",
    "Flushing",
    "Memory",
    "Metric",
    "Part",
    "Reading",
    "Result",
    "Round",
    "Run",
    "Sample",
    "ShapeChange",
    "Status",
    "Trial",
]
