"""Tables of latency: engines against ONNX Runtime's default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from docs.make.engines.pages import MISSING, Notes, read_record, times
from reports.text.grid import grid
from sizewise.core import codec
from sizewise.core.specs import Deviation, Size
from sizewise.core.stats import Mean, Ratio, contrast, geometric_mean, summarize
from sizewise.core.trials import Result, Run

Engine = tuple[str, str, str]
"""Back end, strategy, precision."""
DEFAULT: Engine = ("onnxruntime", "dynamic", "fp32")
_DISTURBED, _OUTSIDE = "†", "‡"
EARLIER = (
    "**Of an earlier harness.** It kept the threads of ONNX Runtime from spinning, which slowed it "
    "down, and left OpenVINO alone; it counted cold calls, too. So OpenVINO's speed-up over ONNX "
    "Runtime is larger here than it is."
)


def speed() -> list[str]:
    """Milliseconds of each engine, a row for each network and size."""
    record = read_record("speed")
    if record is None:
        return [MISSING]
    results = all_results(record)
    engines = list(dict.fromkeys(e for found in results.values() for e in _ordered(found)))
    notes, rows = Notes(), []
    for (network, size), found in results.items():
        deviations = record["networks"][network]["deviations"]
        cells = [_cell(found.get(engine), deviations, notes) for engine in engines]
        rows.append([network, f"{size.height}", *cells])
    headers = ["network, ms", "size", *(_label(engine) for engine in engines)]
    return [*_remark(results), grid(headers, rows, texts=1), "", *notes.lines()]


def _remark(results: Mapping[Any, Mapping[Engine, Result]]) -> list[str]:
    """What to say above tables where an earlier harness measured any of ``results``."""
    trials = (result.trial for found in results.values() for result in found.values())
    return [EARLIER, ""] if any(trial.is_of_an_earlier_harness for trial in trials) else []


def best() -> list[str]:
    """The fastest engine at each network and size, and the mean over all of them. Of a trained
    network, it is the fastest whose file is within its bound: the error of one with random weights
    says nothing of a trained one."""
    record = read_record("speed")
    if record is None:
        return [MISSING]
    rows, compared = [], []
    results = all_results(record)
    for (network, size), found in results.items():
        default, deviations = found[DEFAULT], record["networks"][network]["deviations"]
        is_random = network in record["full_width"]
        winner = _winner(found, {} if is_random else deviations)
        ratio = contrast(default, found[winner], found.values())
        mark = "" if _counts(found[winner], deviations) else _OUTSIDE
        rows.append([network, f"{size.height}", f"{_label(winner)}{mark}", _factor(ratio)])
        if is_random:
            compared.append(ratio)
    table = grid(
        ["network", "size", "best engine", "speed-up over ONNX Runtime's default"], rows, texts=3
    )
    return [*_remark(results), table, *_mean(compared)]


def _mean(compared: Sequence[Ratio]) -> list[str]:
    if not compared:
        return []
    mean = _factor(geometric_mean(compared))
    return ["", f"Geometric mean over the {len(compared)} rows at full width: **{mean}**."]


def all_results(record: Mapping[str, Any]) -> dict[tuple[str, Size], dict[Engine, Result]]:
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
    """Whether its file is within its precision's bound at this size, or nobody asks."""
    cell = result.trial.cell
    if not deviations:
        return True
    checks = [codec.from_plain(one, Deviation) for one in deviations[cell.precision]]
    here = [one for one in checks if one.size == cell.size]
    return cell.precision == "fp32" or (bool(here) and all(one.within for one in here))


def _winner(found: Mapping[Engine, Result], deviations: Mapping[str, Any]) -> Engine:
    counted = [e for e, r in found.items() if r.status == "ok" and _counts(r, deviations)]
    return min(counted, key=lambda engine: summarize(found[engine]).latency_ms.point)


def _factor(ratio: Ratio | Mean) -> str:
    return times(ratio.ratio, ratio.low, ratio.high)
