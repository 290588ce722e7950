"""Ten OpenVINO engines beside OpenVINO's own benchmark_app, by turns
(python -m docs.make.method.benchmark_app [--minutes N]).

The same FP32 file, size, threads, streams and precision, one synchronous call after another, each
time in a process of its own. benchmark_app takes inference inside OpenVINO and gives milliseconds
to two places; ours is what a caller waits for. Rounds go over all engines and each turn of one is
stored when it is done, so the same command goes on. The claim: the median of the engines' ratios
is within 3 % of 1, and so is its interval. The number of rounds was fixed before any was taken.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.audit.cells import engine_of
from bench.timing.harness import Turn
from bench.waves.launch import Limits, launch_child
from bench.waves.measured import median_ns
from docs.make.engines.files import export
from docs.make.method.apps import app_answer, median_of
from docs.make.method.records import OUT, now, origin, read_record, write_record
from sizewise.cli import console
from sizewise.core.specs import EngineArtifact, ExportedModel, Size
from sizewise.core.stats import mean_interval

NAME = "method-benchmark-app"
NETWORKS = ("yolov3-tiny", "yolov4-tiny", "yolov2", "multiscale/concat", "multiscale/hierarchical")
SIDES = (320, 416)
THREADS = 2
ROUNDS, SECONDS = 36, 1.0
TIMEOUT_S = 300.0
APP = (
    # The plain import of OpenVINO reports itself over the net.
    "import sys; sys.modules['openvino_telemetry'] = None; "
    "from openvino.tools.benchmark.main import main; main()"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    end_s = time.monotonic() + 60 * parser.parse_args().minutes
    engines = {f"{name} at {side}": _built(name, side) for name, side in _wanted()}
    stored = {e["label"]: e for e in (read_record(NAME) or {}).get("engines", [])}
    for number, label in product(range(ROUNDS), engines):
        if len(stored.get(label, {}).get("rounds_ms", ())) > number:
            continue
        if time.monotonic() > end_s:
            break
        stored[label] = _with_a_round(stored.get(label), label, *engines[label])
        write_record(NAME, _record([stored[one] for one in engines if one in stored]))
        console.remark(f"Round {number + 1} of {ROUNDS}, {label}: {stored[label]['ratio']:.3f}")


def _wanted() -> list[tuple[str, int]]:
    return list(product(NETWORKS, SIDES))


def _built(name: str, side: int) -> tuple[ExportedModel, EngineArtifact, Size]:
    console.remark(f"Building {name} at {side}")
    model, size = export(name, OUT / "models" / "full"), Size(side, side)
    return model, engine_of(model, "openvino", size, THREADS, OUT / "engines"), size


def _record(engines: list[dict[str, Any]]) -> dict[str, Any]:
    return origin() | {
        "rounds": ROUNDS,
        "seconds": SECONDS,
        "threads": THREADS,
        "planned": len(_wanted()),
        "median": median_of(engines).point,
        "holds": app_answer(engines, len(_wanted()), ROUNDS) == "yes",
        "engines": engines,
    }


def _with_a_round(
    before: Mapping[str, Any] | None,
    label: str,
    model: ExportedModel,
    engine: EngineArtifact,
    size: Size,
) -> dict[str, Any]:
    """The ratio is ours over theirs; milliseconds are medians of each round."""
    started, rounds = (before["started"], before["rounds_ms"]) if before else (now(), [])
    turns = {"ours": lambda: _ours(engine, size), "theirs": lambda: _theirs(model, size)}
    order = list(turns) if len(rounds) % 2 else list(turns)[::-1]
    rounds = [*rounds, {who: turns[who]() for who in order}]
    logs = [math.log(one["ours"] / one["theirs"]) for one in rounds]
    ratio = mean_interval(logs).exponential()
    return {
        "label": label,
        "started": started,
        "ended": now(),
        "ratio": ratio.point,
        "low": ratio.low,
        "high": ratio.high,
        "rounds_ms": rounds,
    }


def _theirs(model: ExportedModel, size: Size) -> float:
    tensor = model.image.tensor
    shape = ",".join(map(str, model.image.shape(1, size)))
    with TemporaryDirectory() as folder:
        subprocess.run(
            (
                *(sys.executable, "-c", APP, "-m", str(model.path), "-d", "CPU"),
                *("-shape", f"{tensor.name}[{shape}]", "-ip", "f32", "-op", "f32"),
                *("-hint", "none", "-api", "sync", "-infer_precision", "f32"),
                *("-nthreads", str(THREADS), "-nstreams", "1", "-t", f"{SECONDS:.0f}"),
                *("-report_type", "no_counters", "-json_stats", "-report_folder", folder),
            ),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=TIMEOUT_S,
        )
        report = Path(folder) / "benchmark_report.json"
        results = json.loads(report.read_text(encoding="utf-8"))["execution_results"]
        return float(results["latency (ms)"])


def _ours(engine: EngineArtifact, size: Size) -> float:
    """As long as theirs in one turn: benchmark_app does not pause either."""
    turn = Turn(pause_s=0.0, cold_calls=2, calls=1, seconds=SECONDS)
    with closing(launch_child(Limits(timeout_s=TIMEOUT_S))) as worker:
        worker.prepare(engine.path, size)
        worker.open()
        worker.warm_up(3)
        return median_ns(worker.measure(turn)) / 1e6


if __name__ == "__main__":
    main()
