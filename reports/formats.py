"""A results file in formats that other tools read: Parquet, CSV, and pytest-benchmark's JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reports.columns import Row
from reports.load import Records, to_frame
from sizewise._version import __version__
from sizewise.core import codec
from sizewise.core.files import written_whole

_S = 1e-9
"""Seconds of a nanosecond."""


def write_parquet(records: Records, path: Path) -> None:
    """The columns of ``sizewise.load``."""
    with written_whole(path) as draft:
        to_frame(records.rows).to_parquet(draft, index=False)


def write_csv(records: Records, path: Path) -> None:
    """The same; what was not measured is empty."""
    with written_whole(path) as draft:
        to_frame(records.rows).to_csv(draft, index=False)


def write_pytest_benchmark(records: Records, path: Path) -> None:
    """A benchmark for each row with a latency, grouped by size: ``pytest-benchmark compare``.

    Its samples are all warm calls. Its statistics are its own, over calls: an interval over
    processes is in our columns only.
    """
    document = {
        "machine_info": _machine(records),
        "commit_info": {},
        "benchmarks": list(_benchmarks(records.rows)),
        "datetime": records.runs[-1].started,
        "version": f"sizewise {__version__}",
    }
    with written_whole(path) as draft:
        draft.write_text(json.dumps(document), encoding="utf-8")


FORMATS: Mapping[str, Callable[[Records, Path], None]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "pytest_benchmark": write_pytest_benchmark,
}
"""By the name of the option."""


def _machine(records: Records) -> dict[str, Any]:
    environment = records.environment
    return {
        "node": "",
        "machine": environment.system.rpartition(" ")[2],
        "system": environment.system.partition(" ")[0],
        "python_version": environment.python,
        "cpu": {"brand_raw": environment.cpu, "count": environment.cores},
        "sizewise": codec.to_plain(environment),
    }


def _benchmarks(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row.measured:
            calls = [_S * ns for block in row.result.blocks for ns in block.warm_ns]
            yield {
                "group": row.text("size"),
                "name": row.where,
                "fullname": f"{row.where} {row.model_sha256[:8]}",
                "params": {"size": str(row.size), "batch": row.batch_size},
                "param": None,
                "extra_info": {"disturbed": row.disturbed, "precision": row.precision},
                "options": {"warmup": False},
                "stats": _statistics(calls) | {"data": calls, "iterations": 1},
            }


def _statistics(calls: Sequence[float]) -> dict[str, Any]:
    q1, median, q3 = np.quantile(calls, (0.25, 0.5, 0.75)).tolist()
    mean, deviation = statistics.fmean(calls), _deviation(calls)
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    inside = [call for call in calls if low <= call <= high]
    beyond = sum(abs(call - mean) > deviation for call in calls)
    total = sum(calls)
    return {
        "min": min(calls),
        "max": max(calls),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(calls),
        "median": median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": len(calls) - len(inside),
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{len(calls) - len(inside)}",
        "ld15iqr": min(inside),
        "hd15iqr": max(inside),
        "ops": len(calls) / total,
        "total": total,
    }


def _deviation(calls: Sequence[float]) -> float:
    return statistics.stdev(calls) if len(calls) > 1 else 0.0
