"""OpenVINO's own benchmark_app beside our harness, by turns, each time in a process of its own
(python -m docs.make.engines.benchmark_app).

Both at equal precision, threads and streams, one synchronous call after another, at a fixed size,
with FP32 inputs and outputs, of the very same graph: of an int8 file benchmark_app gets what our
back end gives the plug-in. It times inference inside OpenVINO; ours is what a caller waits for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx

from bench.planning.protocol import Protocol
from bench.timing.harness import Turn
from bench.waves.launch import Limits, launch_child
from docs.make.engines.files import OUT, full_width
from docs.make.engines.pages import machine, write_record
from engines.backends._quantized.adapting import adapt_to_openvino
from engines.store.cache import obtain_engine
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size

NETWORKS = ("yolov4-tiny", "multiscale/hierarchical")
SIDES = (320, 416)
PRECISIONS = ("fp32", "int8")
ROUNDS, SECONDS, WARMUP_CALLS = 6, 2, 3
THREADS, STREAMS = 2, 1
TIMEOUT_S = 300.0
APP = (
    # The plain import of OpenVINO reports itself over the net.
    "import sys; sys.modules['openvino_telemetry'] = None; "
    "from openvino.tools.benchmark.main import main; main()"
)


def main() -> None:
    cases = [
        _measured(name, model, Size(side, side))
        for name in NETWORKS
        for precision, model in full_width(name).items()
        if precision in PRECISIONS
        for side in SIDES
    ]
    asked = {"seconds": SECONDS, "threads": THREADS, "streams": STREAMS}
    write_record("benchmark-app", machine() | {"asked": asked, "cases": cases})


def _measured(name: str, model: ExportedModel, size: Size) -> dict[str, Any]:
    console.remark(f"Measuring {model.path.name} at {size}")
    engine = obtain_engine(model, _spec(size), OUT / "engines")
    source = _source(model)
    rounds = []
    for number in range(ROUNDS):
        turns: dict[str, Callable[[], Any]] = {
            "benchmark_app": partial(_theirs, source, engine, size),
            "ours": partial(_ours, engine, size),
        }
        order = list(turns) if number % 2 == 0 else list(turns)[::-1]
        rounds.append({"order": order} | {who: turns[who]() for who in order})
    return {
        "network": name,
        "precision": model.card.precision,
        "size": codec.to_plain(size),
        "rounds": rounds,
    }


def _spec(size: Size) -> EngineSpec:
    return EngineSpec(
        backend="openvino",
        strategy="static",
        profiles=(Profile.fixed(size),),
        threads=THREADS,
        streams=STREAMS,
    )


def _source(model: ExportedModel) -> Path:
    if model.card.precision != "int8":
        return model.path
    proto = onnx.load(model.path)
    adapt_to_openvino(proto)
    path = OUT / "benchmark_app" / model.path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, path)
    return path


def _theirs(source: Path, engine: EngineArtifact, size: Size) -> Any:
    """What it reports of itself: strings, with milliseconds to two places."""
    tensor = engine.image.tensor
    shape = ",".join(map(str, engine.image.shape(1, size)))
    with TemporaryDirectory() as folder:
        subprocess.run(
            (
                *(sys.executable, "-c", APP, "-m", str(source), "-d", "CPU"),
                *("-shape", f"{tensor.name}[{shape}]", "-ip", "f32", "-op", "f32"),
                *("-hint", "none", "-api", "sync", "-infer_precision", "f32"),
                *("-nthreads", str(THREADS), "-nstreams", str(STREAMS), "-t", str(SECONDS)),
                *("-report_type", "no_counters", "-json_stats", "-report_folder", folder),
            ),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=TIMEOUT_S,
        )
        report = Path(folder) / "benchmark_report.json"
        return json.loads(report.read_text(encoding="utf-8"))["execution_results"]


def _ours(engine: EngineArtifact, size: Size) -> Any:
    """A plain Sample, as every sweep measures it."""
    usual = Protocol()
    turn = Turn(pause_s=usual.pause_s, cold_calls=usual.cold_calls, calls=1, seconds=float(SECONDS))
    with closing(launch_child(Limits(timeout_s=TIMEOUT_S))) as worker:
        worker.prepare(engine.path, size)
        worker.open()
        worker.warm_up(WARMUP_CALLS)
        return codec.to_plain(worker.measure(turn))


if __name__ == "__main__":
    main()
