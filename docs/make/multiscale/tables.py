"""Put the tables into docs/multiscale.md from the raw records in reports/measured (make
multiscale).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import fmean, median, stdev
from typing import Any

from scipy.stats import t as student

from docs.make.multiscale.guide import about, latencies, published
from docs.make.pages import HOUSE, MEASURED, fill, grid
from reports.method.describe import EARLIER
from sizewise.core import codec
from sizewise.core.stats import contrast, summarize
from sizewise.core.trials import Result, Run

PAGE = HOUSE / "docs" / "multiscale.md"
BACKENDS = ("onnxruntime", "openvino")
MIB = 2**20
LEAST_MS = 0.3

LIMITS = {
    ("absi", "onnxruntime"): 1.7,
    ("absi", "openvino"): 2.0,
    ("hierarchical", "onnxruntime"): 1.5,
    ("hierarchical", "openvino"): 1.5,
}
SCALES = {"0.5×": 192, "1.0×": 352, "1.5×": 544}
"""Sides of an input of 352 pixels at the guide's scales, rounded up to the stride."""


def main() -> None:
    fill(PAGE, TABLES)


def _read(name: str) -> Any:
    path = MEASURED / f"multiscale-{name}.json"
    if not path.exists():
        raise SystemExit(f"{path} is missing: run make ablation, then make multiscale")
    return json.loads(path.read_text(encoding="utf-8"))


_Results = dict[tuple[str, str, int, int], Result]


def _results() -> _Results:
    """By fusion, back end, side and batch."""
    runs = [codec.from_plain(run, Run) for run in _read("latency")]
    return {
        (cell.fusion, cell.backend, cell.size.height, cell.batch_size): result
        for run in runs
        for result in run.results
        for cell in [result.trial.cell]
    }


def _ms(result: Result) -> str:
    summary = summarize(result)
    mark = "†" if summary.disturbed else ""
    return f"{summary.latency_ms.point:.1f}{mark}"


def _ratio(one: Result, other: Result) -> str:
    found = contrast(one, other)
    if found.low is None or found.high is None:
        return f"{found.ratio:.2f}"
    return f"{found.ratio:.2f} ({found.low:.2f}–{found.high:.2f})"


def cost() -> list[str]:
    results = _results()
    headers = ["fusion", *(f"{name}, {what}" for name in BACKENDS for what in ("ms", "÷ average"))]
    rows = []
    for fusion in ("single", "average", "concat", "adaptive", "absi", "deformable", "hierarchical"):
        cells = []
        for backend in BACKENDS:
            own = results[fusion, backend, 352, 1]
            cells += [_ms(own), _ratio(own, results["average", backend, 352, 1])]
        rows.append([fusion, *cells])
    return [*_earlier(results), *grid(headers, rows)]


def _earlier(results: _Results) -> list[str]:
    """What to say above where an earlier harness measured any of them."""
    trials = (result.trial for result in results.values())
    return [EARLIER, ""] if any(trial.is_of_an_earlier_harness for trial in trials) else []


def limits() -> list[str]:
    results, profiles = _results(), _read("cost")["profiles"]
    one_thread = {fusion: sum(profiles[fusion]["parts_ms"].values()) for fusion in profiles}
    rows = []
    for (fusion, backend), limit in LIMITS.items():
        pair = results[fusion, backend, 352, 1], results["average", backend, 352, 1]
        found = contrast(*pair)
        alone = one_thread[fusion] / one_thread["average"] if backend == "onnxruntime" else None
        within = found.high is not None and found.high <= limit
        held = "yes" if within else "by the median; the interval exceeds it"
        rows.append(
            [
                *(fusion, backend, f"{limit:g}", _ratio(*pair)),
                *(f"{alone:.2f}" if alone else "–", held if found.ratio <= limit else "no"),
            ]
        )
    return grid(["fusion", "back end", "limit", "measured", "one thread", "held"], rows)


def times() -> list[str]:
    results = _results()
    headers = ["size", "ABSI, guide", "hierarchical, guide", "÷ ABSI"]
    headers += [f"{what}, {name}" for name in BACKENDS for what in ("ABSI", "hierarchical", "÷")]
    rows = []
    for side, guide in latencies().items():
        absi, hierarchical = guide["absi"], guide["hierarchical"]
        row = [f"{side}×{side}", f"{absi:g}", f"{hierarchical:g}", f"{hierarchical / absi:.2f}"]
        for backend in BACKENDS:
            one, other = (results[f, backend, side, 1] for f in ("absi", "hierarchical"))
            row += [_ms(one), _ms(other), _ratio(other, one)]
        rows.append(row)
    return grid(headers, rows)


def methods() -> list[str]:
    results, scores = _results(), _ablation("256x256", "miou")
    guide = {name: published("integration", name) for name in ("miou", "latency", "memory")}
    base_ms, base_gb = guide["latency"]["average"], guide["memory"]["average"]
    headers = ["method", "mIoU, guide", "mIoU, here", "ms, guide", "÷ average"]
    headers += [f"ms, {name} (÷ average)" for name in BACKENDS]
    headers += ["GB, guide", "÷ average", "training step, MiB (÷ average)"]
    steps = _training_mib()
    rows = []
    for fusion, miou in guide["miou"].items():
        ms, gigabytes = guide["latency"][fusion], guide["memory"][fusion]
        here = f"{fmean(scores[fusion].values()):.3f}"
        row = [fusion, miou, here, f"{ms:g}", f"{ms / base_ms:.2f}"]
        for backend in BACKENDS:
            own = results[fusion, backend, 352, 1]
            row.append(f"{_ms(own)} ({_plain_ratio(own, results['average', backend, 352, 1])})")
        mib, base = steps[fusion, 352, ()], steps["average", 352, ()]
        row += [gigabytes, f"{gigabytes / base_gb:.2f}", f"{mib:.0f} ({mib / base:.2f})"]
        rows.append(row)
    return grid(headers, rows)


def _plain_ratio(one: Result, other: Result) -> str:
    return f"{contrast(one, other).ratio:.2f}"


def _training_mib() -> dict[tuple[str, int, tuple[str, ...]], float]:
    """What a step adds to the memory of its process, by fusion, side and how."""
    return {
        (step["fusion"], step["side"], tuple(step["how"])): (
            (step["peak_bytes"] - step["before_bytes"]) / MIB
        )
        for step in _read("cost")["training"]
    }


def memory() -> list[str]:
    steps, results = _training_mib(), _results()
    headers = ["what", "guide, MB", "÷ 1×", "training step, MiB", "÷ 1×"]
    headers += [f"engine, MiB, {name} (÷ 1×)" for name in BACKENDS]
    rows = []
    base, guide = steps["single", 352, ()], published("memory", "memory")
    unit = guide["1.0×"]
    for scale, side in SCALES.items():
        own = steps["single", side, ()]
        row = [f"{scale} alone ({side}×{side})", *_of_guide(guide[scale], unit)]
        row += [
            f"{own:.0f}",
            f"{own / base:.2f}",
            *(_engine_ratio(results, "single", side, b) for b in BACKENDS),
        ]
        rows.append(row)
    for fusion in ("absi", "hierarchical"):
        own = steps[fusion, 352, ()] - steps["average", 352, ()]
        rows.append(
            [
                f"merging by {fusion}, above average",
                *_of_guide(guide["integration"], unit, " (both)"),
                *(f"{own:+.0f}", f"{own / base:.2f}"),
                *(_merging(results, fusion, backend) for backend in BACKENDS),
            ]
        )
    own = steps["hierarchical", 352, ()]
    whole = [_engine_ratio(results, "hierarchical", 352, backend) for backend in BACKENDS]
    of_guide = _of_guide(guide["total"], unit)
    rows.append(["all, hierarchical", *of_guide, f"{own:.0f}", f"{own / base:.2f}", *whole])
    return grid(headers, rows)


def _of_guide(megabytes: float, unit: float, remark: str = "") -> tuple[str, str]:
    return f"{megabytes:g}{remark}", f"{megabytes / unit:.2f}"


def _above(results: _Results, fusion: str, backend: str, side: int) -> float:
    """MiB that opening and running an engine adds to its process, at batch 4."""
    known = results[fusion, backend, side, 4].memory
    return median(max(m.peak_bytes, m.run_peak_bytes or 0) - m.before_bytes for m in known) / MIB


def _engine_ratio(results: _Results, fusion: str, side: int, backend: str) -> str:
    own, base = _above(results, fusion, backend, side), _above(results, "single", backend, 352)
    return f"{own:.0f} ({own / base:.2f})"


def _merging(results: _Results, fusion: str, backend: str) -> str:
    own, mean, base = (
        _above(results, name, backend, 352) for name in (fusion, "average", "single")
    )
    return f"{own - mean:+.0f} ({(own - mean) / base:.2f})"


def saving() -> list[str]:
    steps = _training_mib()
    names = {
        (): "training step",
        ("sequential",): "training step, --sequential",
        ("checkpointing",): "training step, --checkpointing",
        ("checkpointing", "sequential"): "training step, both",
        ("inference",): "inference",
        ("inference", "sequential"): "inference, one scale after another",
    }
    rows = []
    for how, name in names.items():
        own, base = steps["hierarchical", 352, how], steps["hierarchical", 352, _base(how)]
        rows.append([name, f"{own:.0f}", f"{own / base:.2f}"])
    return grid(["what", "MiB", "÷ all at once"], rows)


def _base(how: tuple[str, ...]) -> tuple[str, ...]:
    return ("inference",) if "inference" in how else ()


def parameters() -> list[str]:
    found = _read("cost")["parameters"]
    part, whole = (published(name, "parameters") for name in ("parameters", "ablation"))
    rows = [
        ["backbone (pvt_v2_b2)", part["backbone"], found["absi"]["backbone"]],
        ["ABSI × 4", part["ABSI units × 4"], found["absi"]["fusion"]],
        ["hierarchical × 4", part["hierarchical units × 4"], found["hierarchical"]["fusion"]],
        ["heads of scales × 3", part["prediction heads × 3"], found["absi"]["heads of scales"]],
        ["decoder and head", None, found["absi"]["decoder and head"]],
        *(
            [f"all, {said}", whole[fusion], found[fusion]["total"]]
            for fusion, said in (
                *(("absi", "ABSI"), ("hierarchical", "hierarchical")),
                *(("single", "single"), ("concat", "concat")),
            )
        ),
    ]
    headers = ["part", "guide", "here"]
    return grid(headers, [[n, about(guide) if guide else "–", f"{c:,}"] for n, guide, c in rows])


def operators() -> list[str]:
    return _profile("operators_ms", "operator, ms")


def parts() -> list[str]:
    return _profile("parts_ms", "part, ms")


def _profile(what: str, title: str) -> list[str]:
    profiles = _read("cost")["profiles"]
    fusions = ("average", "concat", "absi", "hierarchical")
    times = {fusion: profiles[fusion][what] for fusion in fusions}
    kinds = {
        kind: max(t.get(kind, 0) for t in times.values()) for t in times.values() for kind in t
    }
    shown = sorted((kind for kind in kinds if kinds[kind] >= LEAST_MS), key=lambda k: -kinds[k])
    rows = [[kind, *(f"{times[f].get(kind, 0):.1f}" for f in fusions)] for kind in shown]
    rest = [sum(ms for kind, ms in times[f].items() if kind not in shown) for f in fusions]
    rows.append(["others", *(f"{ms:.1f}" for ms in rest)])
    rows.append(["all", *(f"{sum(times[f].values()):.1f}" for f in fusions)])
    return grid([title, *fusions], rows)


def _ablation(size: str, metric: str) -> dict[str, dict[int, float]]:
    """By fusion and seed, all with the usual weights."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for run in _read("ablation")["runs"]:
        if tuple(run["weights"]) == (0.5, 1.0, 0.5):
            found[run["fusion"]][run["seed"]] = run["scores"][size][metric]
    return dict(found)


def _spread(values: Iterable[float]) -> str:
    listed = list(values)
    return f"{fmean(listed):.3f} ({min(listed):.3f}–{max(listed):.3f})"


def _difference(own: dict[int, float], other: dict[int, float]) -> str:
    """Of the same seeds, with its 95 % interval (Student's t), in points."""
    each = [100 * (own[seed] - other[seed]) for seed in sorted(own)]
    half = float(student.ppf(0.975, len(each) - 1)) * stdev(each) / len(each) ** 0.5
    return f"{fmean(each):+.1f} ± {half:.1f}"


def ablation() -> list[str]:
    headers = ["fusion", "mIoU, guide", "mIoU at 192", "mIoU at 256", "points above single at 256"]
    headers += ["F-measure, guide", "F-measure at 256", "MAE at 256"]
    small, large = _ablation("192x192", "miou"), _ablation("256x256", "miou")
    f_measure, mae = _ablation("256x256", "f_measure"), _ablation("256x256", "mae")
    guide = {name: published("ablation", name) for name in ("miou", "f_measure")}
    rows = []
    for fusion in ("single", "concat", "average", "absi", "hierarchical"):
        miou, f_guide = (guide[name].get(fusion, "–") for name in ("miou", "f_measure"))
        rows.append(
            [
                *(fusion, miou, _spread(small[fusion].values()), _spread(large[fusion].values())),
                "" if fusion == "single" else _difference(large[fusion], large["single"]),
                *(f_guide, f"{fmean(f_measure[fusion].values()):.3f}"),
                f"{fmean(mae[fusion].values()):.4f}",
            ]
        )
    return grid(headers, rows)


def weights() -> list[str]:
    by_weights: defaultdict[tuple[float, ...], dict[int, dict[str, Any]]] = defaultdict(dict)
    for run in _read("ablation")["runs"]:
        if run["fusion"] == "absi":
            by_weights[tuple(run["weights"])][run["seed"]] = run
    usual = _scores(by_weights[0.5, 1.0, 0.5])
    guide = published("scale-weights", "miou")
    rows = []
    for given, runs in sorted(
        by_weights.items(), key=lambda item: -fmean(_scores(item[1]).values())
    ):
        own = _scores(runs)
        total = fmean(sum(run["last_losses"].values()) for run in runs.values())
        rows.append(
            [
                ", ".join(f"{weight:g}" for weight in given),
                *(
                    guide.get(", ".join(map(str, given)), "–"),
                    f"{total:.2f}",
                    _spread(own.values()),
                ),
                "" if given == (0.5, 1.0, 0.5) else _difference(own, usual),
            ]
        )
    headers = ["weights", "mIoU, guide", "total loss", "mIoU at 256", "points above 0.5, 1, 0.5"]
    return grid(headers, rows)


def _scores(runs: dict[int, dict[str, Any]]) -> dict[int, float]:
    return {seed: run["scores"]["256x256"]["miou"] for seed, run in runs.items()}


TABLES: dict[str, Callable[[], list[str]]] = {
    table.__name__: table
    for table in (
        *(cost, limits, times, methods, memory, saving),
        *(parameters, operators, parts, ablation, weights),
    )
}

if __name__ == "__main__":
    main()
