"""The table of ours against OpenVINO's benchmark_app."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from docs.make.engines.pages import MISSING, read_record, times
from reports.text.grid import grid
from sizewise.core.stats import CONFIDENCE, mean_interval

EARLIER = (
    "**Of an earlier harness.** Cold calls are among ours, so ours may be slower here than they "
    "are."
)


def benchmark_app() -> list[str]:
    """Its median over ours, by case and over all."""
    record = read_record("benchmark-app")
    if record is None:
        return [MISSING]
    rows, logs = [], []
    for case in record["cases"]:
        theirs = [float(one["benchmark_app"]["latency (ms)"]) for one in case["rounds"]]
        ours = [_median_ms(one["ours"]) for one in case["rounds"]]
        ratios = [math.log(a / b) for a, b in zip(theirs, ours, strict=True)]
        logs.append(ratios)
        medians = (f"{statistics.median(each):.2f}" for each in (theirs, ours))
        place = [case["network"], case["precision"], f"{case['size']['height']}"]
        rows.append([*place, *medians, _mean(ratios)])
    rounds = [statistics.fmean(each) for each in zip(*logs, strict=True)]
    mean = _mean(rounds)
    headers = ["network", "precision", "size", "benchmark_app, ms", "ours, ms", "theirs ÷ ours"]
    samples = (one["ours"] for case in record["cases"] for one in case["rounds"])
    remark = [] if all("cold" in sample for sample in samples) else [EARLIER, ""]
    return [*remark, grid(headers, rows, texts=2), "", f"Geometric mean over all: **{mean}**."]


def _median_ms(ours: Mapping[str, Any]) -> float:
    """Of the warm calls of a plain Sample; older records have no cold ones."""
    warm_ns: list[int] = ours["latency_ns"][ours.get("cold", 0) :]
    return statistics.median(warm_ns) / 1e6


def _mean(logs: list[float]) -> str:
    found = mean_interval(logs, CONFIDENCE).exponential()
    return times(found.point, found.low, found.high)
