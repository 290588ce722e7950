"""Narrow networks, trained on digits by one recipe each, to measure what quantization costs
(python -m docs.make.quantizers.trained [NETWORK…]).

Each is trained once, in one thread: a few minutes on a quiet core. Other networks in a second
process take a second core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from docs.make.engines.files import run_sizewise
from docs.make.method.records import OUT as METHOD
from netzoo.data.coco.dataset import Dataset
from netzoo.data.sources import open_dataset
from netzoo.tasks.registry import find_task
from netzoo.training.settings import ScaleTraining, TrainingSettings
from netzoo.training.trainer import train
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import find_network
from sizewise.cli import console
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, Sizes

OUT = METHOD.parent / "quantizers" / "trained"
DATA = "digits"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How wide and deep a network is, and how it is trained."""

    width: float
    depth: float = 1.0
    steps: int
    sizes: str
    scales: ScaleTraining | None = None

    @property
    def settings(self) -> TrainingSettings:
        """In one thread, so that the result does not hang on the number of cores."""
        return TrainingSettings(
            steps=self.steps,
            batch_size=4,
            sizes=Sizes.parse(self.sizes),
            threads=1,
            seed=0,
            scales=self.scales,
        )


_MASKS = Recipe(
    width=0.5, steps=300, sizes="128:256:32", scales=ScaleTraining(weights=(0.5, 1.0, 0.5))
)
RECIPES: dict[str, Recipe] = {
    "yolov3": Recipe(width=0.125, depth=0.34, steps=500, sizes="160:320:32"),
    "yolov4-tiny": Recipe(width=0.25, steps=500, sizes="160:320:32"),
    "yolov4-csp": Recipe(width=0.125, depth=0.34, steps=500, sizes="160:320:32"),
    "multiscale/single": _MASKS,
    "multiscale/concat": _MASKS,
    "multiscale/average": _MASKS,
    "multiscale/absi": _MASKS,
    "multiscale/hierarchical": _MASKS,
}


def main() -> None:
    for name in sys.argv[1:] or RECIPES:
        trained(name)


def trained(name: str) -> ExportedModel:
    """The FP32 file of a network of ``RECIPES``, trained and exported where it is not there."""
    data = open_dataset(DATA, "train")
    config = _config(name, data)
    folder = OUT / name.replace("/", "-")
    checkpoint, path = folder / f"{config.stem}.safetensors", folder / f"{config.stem}.onnx"
    if not checkpoint.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _train(config, data, RECIPES[name].settings, checkpoint)
    if not path.exists():
        run_sizewise("export", str(checkpoint), "--out", str(folder))
    return read_model(path)


def _config(name: str, data: Dataset) -> NetworkConfig:
    network, _, fusion = name.partition("/")
    recipe = RECIPES[name]
    return NetworkConfig(
        name=network,
        classes=find_task(find_network(network).task).classes(data),
        width=recipe.width,
        depth=recipe.depth,
        multiscale=MultiscaleConfig(fusion=fusion) if fusion else None,
    )


def _train(
    config: NetworkConfig, data: Dataset, settings: TrainingSettings, checkpoint: Path
) -> None:
    network = train(config, data, settings, console.reporter())
    provenance = Provenance(settings=settings, data=data.name, data_sha256=data.sha256)
    save_checkpoint(checkpoint, network, provenance)


if __name__ == "__main__":
    main()
