"""What each fusion costs: latency and memory of its engines, time by operator, and memory of a
training step (make multiscale). What was exported or measured already is not done again.
``--profiles`` measures the time by operator alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.journal.store import Store
from docs.make.multiscale.profiling import profiles
from netzoo.networks.multiscale import Multiscale
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.cost import build_without_weights, count_parameters
from sizewise.core import codec
from sizewise.core.machine.environment import read_environment

HOUSE = Path(__file__).resolve().parents[3]
OUT = HOUSE / "runs" / "multiscale"
MEASURED = HOUSE / "reports" / "measured"
FUSIONS = ("single", "concat", "average", "absi", "hierarchical", "adaptive", "deformable")
SIZEWISE = str(Path(sys.executable).parent / "sizewise")
COST = "multiscale-cost.json"
SIDE = 352
REFERENCE_BACKBONE = "pvt_v2_b2"
"""Of the guide's tables."""
RETURNING = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""glibc gives every large block back at once: the peak is then of tensors, not of gaps between."""


def main() -> None:
    if sys.argv[1:] == ["--profiles"]:
        record = json.loads((MEASURED / COST).read_text(encoding="utf-8"))
        _write(COST, record | {"profiles": profiles(_networks(), SIDE)})
        return
    for fusion, path in _networks().items():
        if not path.exists():
            _sizewise("export", "multiscale", "--fusion", fusion, "--out", "runs/multiscale")
    _sizewise("bench", "docs/make/multiscale/cost.toml", "--out", "runs/multiscale/cost")
    with Store.open(OUT / "cost" / "results.sqlite", read_only=True) as store:
        runs = [codec.to_plain(run) for run in store.runs()]
    _write("multiscale-latency.json", runs)
    _write(
        COST,
        {
            "environment": codec.to_plain(read_environment()),
            "profiles": profiles(_networks(), SIDE),
            "parameters": _parameters(),
            "training": [_step(**asked) for asked in _steps()],
        },
    )


def _networks() -> dict[str, Path]:
    return {fusion: OUT / f"multiscale-{fusion}.onnx" for fusion in FUSIONS}


def _sizewise(*arguments: str) -> None:
    subprocess.run((SIZEWISE, *arguments), cwd=HOUSE, check=True)


def _write(name: str, record: Any) -> None:
    text = json.dumps(record).replace(f"{HOUSE}/", "")  # no folder of this machine
    (MEASURED / name).write_text(f"{text}\n", encoding="utf-8")


def _parameters() -> dict[str, dict[str, int]]:
    """Trainable ones at the guide's backbone, by part."""
    return {fusion: _parts(fusion) for fusion in FUSIONS}


def _parts(fusion: str) -> dict[str, int]:
    config = NetworkConfig(
        name="multiscale",
        classes=("object",),
        multiscale=MultiscaleConfig(fusion=fusion, backbones=(REFERENCE_BACKBONE,)),
    )
    network = build_without_weights(config)
    assert isinstance(network, Multiscale)  # noqa: S101
    selector = network.processor.selector
    return {
        "backbone": count_parameters(network.processor.trunk),
        "fusion": count_parameters(network.processor.fusions)
        + (count_parameters(selector) if selector else 0),
        "decoder and head": count_parameters(network.decoder) + count_parameters(network.head),
        "heads of scales": count_parameters(network.auxiliary),
        "total": count_parameters(network),
    }


def _steps() -> list[dict[str, Any]]:
    """Training steps whose memory is measured, each in a process of its own."""
    alone = [{"fusion": "single", "side": side} for side in (192, 352, 544)]
    merged = [{"fusion": fusion, "side": SIDE} for fusion in FUSIONS[1:5]]
    saving = [
        {"fusion": "hierarchical", "side": SIDE, "how": how}
        for how in ("sequential", "checkpointing", "sequential,checkpointing")
    ]
    looking = [
        {"fusion": "hierarchical", "side": SIDE, "how": how}
        for how in ("inference", "inference,sequential")
    ]
    return [*alone, *merged, *saving, *looking]


def _step(fusion: str, side: int, how: str = "") -> dict[str, Any]:
    script = Path(__file__).with_name("memory.py")
    done = subprocess.run(
        (sys.executable, str(script), REFERENCE_BACKBONE, fusion, str(side), how),
        cwd=HOUSE,
        env=os.environ | RETURNING,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
