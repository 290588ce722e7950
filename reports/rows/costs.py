"""Memory and builds, as columns of a row: medians over processes, and over builds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Any

from sizewise.core.trials import Memory, Result

MIB = 2**20


def memory_columns(result: Result) -> dict[str, Any]:
    """The columns of memory; NaN where the system reported none."""
    known = result.memory
    predicted = (build.device_predicted_bytes for build in result.builds)
    return {
        "peak_mib": _median_mib(map(_peak, known)),
        "open_peak_mib": _median_mib(one.peak_bytes for one in known),
        "run_peak_mib": _median_mib(one.run_peak_bytes for one in known),
        "rest_mib": _median_mib(one.rest_bytes for one in known),
        "walk_mib": _median_mib(one.walk_bytes for one in known),
        "engine_memory_mib": _median_mib(_peak(one) - one.before_bytes for one in known),
        "gpu_mib": _median_mib(_added_on_gpu(one) for one in known),
        "gpu_predicted_mib": _median_mib(predicted),
    }


def build_columns(result: Result) -> dict[str, Any]:
    """The columns of the builds; none where the engine was not built."""
    builds = result.builds
    if not builds:
        return {}
    return {
        "build_s": statistics.median(build.build_s for build in builds),
        "builds": len(builds),
        "build_peak_mib": _median_mib(build.peak_bytes for build in builds),
        "file_mib": _median_mib(build.size_bytes for build in builds),
        "achieved": "; ".join(dict.fromkeys(build.achieved for build in builds)),
    }


def _peak(memory: Memory) -> int:
    return max(memory.peak_bytes, memory.run_peak_bytes or 0)


def _added_on_gpu(memory: Memory) -> int | None:
    used, before = memory.device_bytes, memory.device_before_bytes
    return None if used is None or before is None else used - before


def _median_mib(sizes: Iterable[int | None]) -> float:
    known = [size for size in sizes if size is not None]
    return statistics.median(known) / MIB if known else math.nan
