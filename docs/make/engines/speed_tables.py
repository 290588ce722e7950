"""Tables of latency: engines against ONNX Runtime's default, and ours against benchmark_app."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from docs.make.engines.pages import MISSING, Notes, read_record
from reports.text.grid import grid
from sizewise.core import codec
from sizewise.core.specs import Deviation, Size
from sizewise.core.stats import (
    CONFIDENCE,
    Mean,
    Ratio,
    contrast,
    geometric_mean,
    mean_interval,
    summarize,
)
from sizewise.core.trials import Result, Run

Engine = tuple[str, str, str]
"""Back end, strategy, precision."""
DEFAULT: Engine = ("onnxruntime", "dynamic", "fp32")
_DISTURBED, _OUTSIDE = "†", "‡"


def speed() -> list[str]:
    """Milliseconds of each engine, a row for each network and size."""
    record = read_record("speed")
    if record is None:
        return [MISSING]
    results = _all_results(record)
    engines = list(dict.fromkeys(e for found in results.values() for e in _ordered(found)))
    notes, rows = Notes(), []
    for (network, size), found in results.items():
        deviations = record["networks"][network]["deviations"]
        cells = [_cell(found.get(engine), deviations, notes) for engine in engines]
        rows.append([network, f"{size.height}", *cells])
    headers = ["network, ms", "size", *(_label(engine) for engine in engines)]
    return [grid(headers, rows, texts=1), "", *notes.lines(), *_kept(record["networks"])]


def _kept(networks: Mapping[str, Any]) -> list[str]:
    kept = [
        f"{len(layers)} of {network} in {precision}"
        for network, measured in networks.items()
        for precision, layers in measured["kept"].items()
    ]
    said = f"Layers kept in fp32, so that files are within their bounds: {', '.join(kept)}."
    return ["", said] if kept else []


def best() -> list[str]:
    """The fastest engine that counts at each network and size, and the mean over all of them."""
    record = read_record("speed")
    if record is None:
        return [MISSING]
    rows, compared = [], []
    for (network, size), found in _all_results(record).items():
        default = found[DEFAULT]
        winner = _winner(found, record["networks"][network]["deviations"])
        ratio = contrast(default, found[winner], found.values())
        rows.append([network, f"{size.height}", _label(winner), _factor(ratio)])
        if network in record["full_width"]:
            compared.append(ratio)
    mean = _factor(geometric_mean(compared))
    table = grid(
        ["network", "size", "best engine", "speed-up over ONNX Runtime's default"], rows, texts=3
    )
    return [table, "", f"Geometric mean over the {len(compared)} rows at full width: **{mean}**."]


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
    return [grid(headers, rows, texts=2), "", f"Geometric mean over all: **{mean}**."]


def _all_results(record: Mapping[str, Any]) -> dict[tuple[str, Size], dict[Engine, Result]]:
    """By network and size; a trial that was measured again stands as the later run has it."""
    found: dict[tuple[str, Size], dict[Engine, Result]] = {}
    for network, measured in record["networks"].items():
        for plain in measured["runs"]:
            for result in codec.from_plain(plain, Run).results:
                cell = result.trial.cell
                engine = (cell.backend, cell.strategy, cell.precision)
                found.setdefault((network, cell.size), {})[engine] = result
    return found


def _ordered(engines: Iterable[Engine]) -> list[Engine]:
    return sorted(engines, key=lambda engine: (engine != DEFAULT, engine))


def _label(engine: Engine) -> str:
    backend, strategy, precision = engine
    return f"{backend} {strategy} {precision}"


def _cell(result: Result | None, deviations: Mapping[str, Any], notes: Notes) -> str:
    if result is None:
        return "–"
    if result.status != "ok":
        return notes.mark(result.reason)
    summary = summarize(result)
    marks = _DISTURBED if summary.disturbed else ""
    marks += "" if _counts(result, deviations) else _OUTSIDE
    return f"{summary.latency_ms.point:.1f}{marks}"


def _counts(result: Result, deviations: Mapping[str, Any]) -> bool:
    """Whether its file is within its precision's bound at this size."""
    cell = result.trial.cell
    checks = [codec.from_plain(one, Deviation) for one in deviations[cell.precision]]
    here = [one for one in checks if one.size == cell.size]
    return cell.precision == "fp32" or (bool(here) and all(one.within for one in here))


def _winner(found: Mapping[Engine, Result], deviations: Mapping[str, Any]) -> Engine:
    counted = [e for e, r in found.items() if r.status == "ok" and _counts(r, deviations)]
    return min(counted, key=lambda engine: summarize(found[engine]).latency_ms.point)


def _median_ms(ours: Mapping[str, Any]) -> float:
    """Of the warm calls of a plain Sample; older records have no cold ones."""
    warm_ns: list[int] = ours["latency_ns"][ours.get("cold", 0) :]
    return statistics.median(warm_ns) / 1e6


def _mean(logs: list[float]) -> str:
    found = mean_interval(logs, CONFIDENCE).exponential()
    return _times(found.point, found.low, found.high)


def _factor(ratio: Ratio | Mean) -> str:
    return _times(ratio.ratio, ratio.low, ratio.high)


def _times(point: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"{point:.2f}×"
    return f"{point:.2f}× ({low:.2f}–{high:.2f})"
