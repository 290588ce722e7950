"""Train every fusion, and every weighting of the scales, on the masks of digits (make ablation).

One budget for all: the same steps, images, sizes and seeds. Each training is noted as it ends in
runs/multiscale/ablation, and none is done twice; all of them go into reports/measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netzoo.data.sources import open_dataset
from netzoo.training.evaluate import evaluate_network
from netzoo.training.history import History
from netzoo.training.settings import ScaleTraining, TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import Network
from sizewise.core import codec
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import Size, Sizes

HOUSE = Path(__file__).resolve().parents[3]
OUT = HOUSE / "runs" / "multiscale" / "ablation"
RECORD = HOUSE / "reports" / "measured" / "multiscale-ablation.json"

FUSIONS = ("absi", "hierarchical", "single", "average", "concat")
USUAL = (0.5, 1.0, 0.5)
WEIGHTS = ((1, 1, 1), (0.3, 1, 0.3), (0.7, 1, 0.7), (1, 0.7, 0.3), (0.3, 0.7, 1))
WEIGHED = "absi"
SEEDS = (0, 1, 2)
WIDTH = 0.5
STEPS, LAST = 300, 50
SIZES = "128:256:32"
EVALUATED = "192,256"


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    runs = [_run(fusion, weights, seed) for fusion, weights, seed in _asked()]
    record = {
        "environment": codec.to_plain(read_environment()),
        "asked": {"width": WIDTH, "steps": STEPS, "train sizes": SIZES, "data": "digits"},
        "runs": runs,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _asked() -> Iterator[tuple[str, tuple[float, ...], int]]:
    """Seed by seed, so that what is there after a while compares."""
    for seed in SEEDS:
        for fusion in FUSIONS:
            yield fusion, USUAL, seed
        for weights in WEIGHTS:
            yield WEIGHED, tuple(map(float, weights)), seed


def _run(fusion: str, weights: tuple[float, ...], seed: int) -> dict[str, Any]:
    name = "-".join(map(str, (fusion, *weights, seed)))
    path = OUT / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(_trained(fusion, weights, seed)), encoding="utf-8")
        print(path.read_text(encoding="utf-8"), flush=True)  # noqa: T201
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _trained(fusion: str, weights: tuple[float, ...], seed: int) -> dict[str, Any]:
    history = History()
    config = NetworkConfig(
        name="multiscale",
        classes=("object",),
        width=WIDTH,
        multiscale=MultiscaleConfig(fusion=fusion),
    )
    settings = TrainingSettings(
        steps=STEPS,
        batch_size=4,
        sizes=Sizes.parse(SIZES),
        threads=1,
        seed=seed,
        scales=ScaleTraining(weights=weights),
    )
    started = time.perf_counter()
    network = train(config, open_dataset("digits", "train"), settings, history=history)
    return {
        "fusion": fusion,
        "weights": weights,
        "seed": seed,
        "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "last_losses": history.ending(LAST),
        "train_s": time.perf_counter() - started,
        "scores": {str(size): _scores(network, size) for size in Sizes.parse(EVALUATED)},
    }


def _scores(network: Network, size: Size) -> dict[str, float]:
    return evaluate_network(network, open_dataset("digits", "val"), size)


if __name__ == "__main__":
    main()
