"""docs/networks.md, from the records of networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from docs.make.networks_ratios import how, marked, ratios, wandered
from reports.method.describe import EARLIER
from reports.method.judging import disturbed_rows
from reports.rows.grouping import grouped
from sizewise.core.specs import Size
from sizewise.core.stats import summarize
from sizewise.core.trials import Result, Run

BACKENDS = ("onnxruntime", "openvino")
Costs = Mapping[str, Any]
"""By network: what ``sizewise networks --json`` says of it, and its ``export``."""


def page(costs: Costs, runs: Sequence[Run]) -> str:
    """The whole page."""
    return "\n".join(_lines(costs, runs)) + "\n"


def _lines(costs: Costs, runs: Sequence[Run]) -> Iterable[str]:
    yield "# The networks\n"
    yield (
        "Made by `make networks` from `examples/networks.toml` and `examples/networks-large.toml`: "
        "every network at full width, with random weights, as `sizewise export NETWORK` writes it. "
        "Parameters and BFLOPs are counted at the size that the network was published at. A "
        "multiply-add of a convolution counts as two operations. Heights and widths must be "
        "multiples of the largest stride.\n"
    )
    yield f"{_machine(runs)}\n"
    yield from _costs(costs)
    yield ""
    yield (
        "Median latency in ms of one image in one dynamic engine per back end, FP32, with its 95 % "
        f"interval. {disturbed_rows()} P6 and P7 take multiples of 64 and of 128, so they have a "
        "table of their own. Raw samples: `reports/measured/networks-cpu.json`.\n"
    )
    results = latest(runs)
    if any(result.trial.is_of_an_earlier_harness for result in results):
        yield f"{EARLIER}\n"
    for sentence in (how(results), marked(results), wandered(runs)):
        if sentence:
            yield f"{sentence}\n"
    for table in _tables(results):
        yield from _latencies(costs, table)
        yield ""
    yield (
        f"The latency of {BACKENDS[0]} over that of {BACKENDS[1]}, with its 95 % interval, by the "
        "rounds in which both had a turn:\n"
    )
    for table in _tables(results):
        yield from _ratios(costs, table)
        yield ""


def latest(runs: Iterable[Run]) -> list[Result]:
    """A result for each network, size and back end; one that was measured again stands as the later
    run has it."""
    found = {}
    for result in (result for run in runs for result in run.results):
        cell = result.trial.cell
        found[cell.network, cell.size, cell.backend] = result
    return list(found.values())


def _tables(results: Iterable[Result]) -> Iterable[list[Result]]:
    """The results of networks that have their sizes in common."""
    networks = grouped(results, lambda result: result.trial.cell.network)
    alike = grouped(networks.values(), _sizes)
    return ([one for results in group for one in results] for group in alike.values())


def _sizes(results: Iterable[Result]) -> tuple[Size, ...]:
    return tuple(sorted({result.trial.cell.size for result in results}))


def _machine(runs: Sequence[Run]) -> str:
    where, started = runs[-1].environment, min(run.started for run in runs)
    return (
        f"Measured on {where.cpu}, {where.cores} cores, {where.memory_bytes / 2**30:.0f} GiB, "
        f"{where.system}, with "
        + ", ".join(
            f"{name} {version}" for name, version in where.packages.items() if name in BACKENDS
        )
        + f", from {started} on. Export seconds are those of the whole command, on the same "
        "machine with other work beside it: alone, an export takes less."
    )


def _costs(costs: Costs) -> Iterable[str]:
    yield "| network | size | parameters | BFLOPs | strides | min. size | export (s) | ONNX nodes |"
    yield "|---|---|--:|--:|---|---|--:|--:|"
    for name, cost in costs.items():
        yield (
            f"| {name} | {cost['size']} | {cost['parameters']:,} | {cost['bflops']:.3f} | "
            f"{', '.join(map(str, cost['strides']))} | {cost['smallest']} | "
            f"{cost['export']['seconds']:.0f} | {cost['export']['nodes']} |"
        )


def _latencies(networks: Iterable[str], results: Sequence[Result]) -> Iterable[str]:
    columns = [(size, backend) for size in _sizes(results) for backend in BACKENDS]
    cells = {
        (r.trial.cell.network, r.trial.cell.size, r.trial.cell.backend): _latency(r)
        for r in results
    }
    yield f"| network | {' | '.join(f'{size} {backend}' for size, backend in columns)} |"
    yield "|---" + "|--:" * len(columns) + "|"
    for name in networks:
        row = [cells.get((name, *column), "–") for column in columns]
        if any(cell != "–" for cell in row):
            yield f"| {name} | {' | '.join(row)} |"


def _ratios(networks: Iterable[str], results: Sequence[Result]) -> Iterable[str]:
    sizes, found = _sizes(results), ratios(results, BACKENDS)
    yield f"| network | {' | '.join(map(str, sizes))} |"
    yield "|---" + "|--:" * len(sizes) + "|"
    for name in networks:
        row = [found.get((name, size), "–") for size in sizes]
        if any(cell != "–" for cell in row):
            yield f"| {name} | {' | '.join(row)} |"


def _latency(result: Result) -> str:
    if result.status != "ok":
        return result.reason_code
    summary = summarize(result)
    latency, mark = summary.latency_ms, "†" if summary.disturbed else ""
    if latency.low is None or latency.high is None:
        return f"{_three(latency.point)}{mark}"
    return f"{_three(latency.point)}{mark} ({_three(latency.low)}–{_three(latency.high)})"


def _three(value: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
