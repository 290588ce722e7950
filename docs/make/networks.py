"""Export and measure every network of the zoo, and write docs/networks.md (make networks).

What was exported or measured already is not done again: runs/networks may be kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import onnx

from bench.journal.store import Store
from reports.method.judging import disturbed_rows
from sizewise.core.stats import summarize
from sizewise.core.trials import Result, Run

HOUSE = Path(__file__).resolve().parents[2]
OUT = HOUSE / "runs" / "networks"
BACKENDS = ("onnxruntime", "openvino")
SWEEPS = ("networks", "networks-large")
SIZEWISE = str(Path(sys.executable).parent / "sizewise")


def main() -> None:
    everything: dict[str, Any] = json.loads(_sizewise("networks", "--json"))
    # multiscale has a page of its own (make multiscale).
    zoo = {name: cost for name, cost in everything.items() if cost["task"] != "segmentation"}
    exported = {name: _export(name) for name in zoo}
    for sweep in SWEEPS:
        _sizewise(
            "bench", f"examples/{sweep}.toml", "--out", f"runs/networks/{sweep}", may_fail=True
        )
    runs = [run for sweep in SWEEPS for run in _runs(OUT / sweep / "results.sqlite")]
    page = "\n".join(_page(zoo, exported, runs)) + "\n"
    (HOUSE / "docs" / "networks.md").write_text(page, encoding="utf-8")


def _sizewise(*arguments: str, may_fail: bool = False) -> str:
    """What the command prints; where trials ``may_fail``, its exit code may say that some did."""
    done = subprocess.run(
        (SIZEWISE, *arguments), cwd=HOUSE, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in ((0, 3, 4) if may_fail else (0,)):
        sys.exit(f"sizewise {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


def _export(name: str) -> dict[str, Any]:
    """Seconds of the whole command, and nodes of the graph, kept beside the file."""
    notes = OUT / f"{name}.json"
    if not notes.exists():
        started = time.perf_counter()
        _sizewise("export", name, "--out", str(OUT.relative_to(HOUSE)))
        seconds = time.perf_counter() - started
        nodes = len(onnx.load(OUT / f"{name}.onnx").graph.node)
        notes.write_text(json.dumps({"seconds": seconds, "nodes": nodes}), encoding="utf-8")
    found: dict[str, Any] = json.loads(notes.read_text(encoding="utf-8"))
    return found


def _runs(path: Path) -> tuple[Run, ...]:
    with Store.open(path, read_only=True) as store:
        return store.runs()


def _page(zoo: dict[str, Any], exported: dict[str, Any], runs: list[Run]) -> Iterable[str]:
    yield "# The networks\n"
    yield (
        "Made by `make networks` from `examples/networks.toml` and `examples/networks-large.toml`: "
        "every network at full width, with random weights, as `sizewise export NETWORK` writes it. "
        "Parameters and BFLOPs are counted at the size that the network was published at. A "
        "multiply-add of a convolution counts as two operations. Heights and widths must be "
        "multiples of the largest stride.\n"
    )
    yield f"{_machine(runs[-1])}\n"
    yield from _costs(zoo, exported)
    yield ""
    yield (
        "Median latency in ms of one image in one dynamic engine per back end, FP32, with its 95 % "
        f"interval. {disturbed_rows()} "
        "P6 and P7 take multiples of 64 and of 128, so they have a table of their own.\n"
    )
    for run in runs:
        yield from _latencies(zoo, run.results)
        yield ""


def _machine(run: Run) -> str:
    where = run.environment
    return (
        f"Measured on {where.cpu}, {where.cores} cores, {where.memory_bytes / 2**30:.0f} GiB, "
        f"{where.system}, with "
        + ", ".join(
            f"{name} {version}" for name, version in where.packages.items() if name in BACKENDS
        )
        + ". Export seconds are those of the whole command, on the same machine."
    )


def _costs(zoo: dict[str, Any], exported: dict[str, Any]) -> Iterable[str]:
    yield "| network | size | parameters | BFLOPs | strides | min. size | export (s) | ONNX nodes |"
    yield "|---|---|--:|--:|---|---|--:|--:|"
    for name, cost in zoo.items():
        yield (
            f"| {name} | {cost['size']} | {cost['parameters']:,} | {cost['bflops']:.3f} | "
            f"{', '.join(map(str, cost['strides']))} | {cost['smallest']} | "
            f"{exported[name]['seconds']:.0f} | {exported[name]['nodes']} |"
        )


def _latencies(zoo: Iterable[str], results: Sequence[Result]) -> Iterable[str]:
    sizes = sorted({result.trial.cell.size for result in results})
    columns = [(size, backend) for size in sizes for backend in BACKENDS]
    cells = {
        (r.trial.cell.network, r.trial.cell.size, r.trial.cell.backend): _latency(r)
        for r in results
    }
    yield f"| network | {' | '.join(f'{size} {backend}' for size, backend in columns)} |"
    yield "|---" + "|--:" * len(columns) + "|"
    for name in zoo:
        row = [cells[name, *column] for column in columns if (name, *column) in cells]
        if row:
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


if __name__ == "__main__":
    main()
