"""Statistics of the raw samples: rows, ratios, what is said of them, and when it is enough."""

from __future__ import annotations

from sizewise.core.stats.contrasts import contrast
from sizewise.core.stats.disturbing import FEW_PROCESSES, Disturbance
from sizewise.core.stats.enough import Progress, enough
from sizewise.core.stats.intervals import CONFIDENCE, Interval, mean_interval
from sizewise.core.stats.measured import is_crowded
from sizewise.core.stats.processes import process_mean, process_ratio
from sizewise.core.stats.ratios import How, Mean, Ratio, geometric_mean
from sizewise.core.stats.summary import Summary, summarize
from sizewise.core.stats.tails import CALLS_FOR_P90, CALLS_FOR_P99
from sizewise.core.stats.verdicts import (
    FALSE_AMONG_NAMED,
    FALSE_DISCOVERIES,
    FALSE_IN_SIMULATION,
    Verdict,
    verdicts,
)
from sizewise.core.stats.wander import Wander, wander
from sizewise.core.trials.rigor import RIGORS, Rigor, RigorName

__all__ = [
    "CALLS_FOR_P90",
    "CALLS_FOR_P99",
    "CONFIDENCE",
    "FALSE_AMONG_NAMED",
    "FALSE_DISCOVERIES",
    "FALSE_IN_SIMULATION",
    "FEW_PROCESSES",
    "RIGORS",
    "Disturbance",
    "How",
    "Interval",
    "Mean",
    "Progress",
    "Ratio",
    "Rigor",
    "RigorName",
    "Summary",
    "Verdict",
    "Wander",
    "contrast",
    "enough",
    "geometric_mean",
    "is_crowded",
    "mean_interval",
    "process_mean",
    "process_ratio",
    "summarize",
    "verdicts",
    "wander",
]
