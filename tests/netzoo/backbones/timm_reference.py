"""What timm made of made-up weights: a backbone's maps, to be held against ours.

One JSON is one model of timm: how many parameters it has, its tensors' names and shapes, and its
maps at strides 4 to 32 (shape, mean, deviation, largest magnitude, and values at some flat indices)
with weights and images drawn by the rules below. Where timm and torchvision are installed,
``python -m tests.netzoo.backbones.timm_reference NAME…`` writes them anew.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent / "reference"
REFERENCES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}
TOLERANCE = 1e-4
"""Of a map's largest magnitude."""
SHAPE = (2, 3, 96, 160)
VALUES = 16


def made_up_tensor(name: str, shape: Sequence[int]) -> Tensor:
    """The same for a name, whatever stands before or after it."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1)
    if len(shape) > 1:
        values = rng.standard_normal(shape) * math.sqrt(1.5 / math.prod(shape[1:]))
    elif name.endswith(("bias", "running_mean")):
        values = rng.standard_normal(shape) * 0.1
    else:
        values = rng.uniform(0.7, 1.3, shape)
    return torch.from_numpy(values.astype(np.float32))


def made_up_tensors(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    return {name: made_up_tensor(name, shape) for name, shape in shapes.items()}


def made_up_images() -> Tensor:
    """0–1."""
    rng = np.random.default_rng(zlib.crc32(b"images"))
    return torch.from_numpy(rng.random(SHAPE).astype(np.float32))


def described(features: Tensor) -> dict[str, Any]:
    """A map in a few numbers."""
    flat = features.double().flatten()
    index = np.linspace(0, len(flat) - 1, VALUES).astype(int)
    return {
        "shape": list(features.shape),
        "mean": float(flat.mean()),
        "std": float(flat.std(correction=0)),
        "absmax": float(flat.abs().max()),
        "index": index.tolist(),
        "value": flat[index].tolist(),
    }


def largest_error(features: Tensor, wanted: Mapping[str, Any]) -> float:
    """Of values, mean, deviation and largest magnitude, as a share of the last."""
    found = described(features)
    assert found["shape"] == wanted["shape"]
    errors = [abs(found[key] - wanted[key]) for key in ("mean", "std", "absmax")]
    errors.append(np.abs(np.subtract(found["value"], wanted["value"])).max())
    return float(max(errors) / wanted["absmax"])


def reference(name: str) -> dict[str, Any]:
    timm = importlib.import_module("timm")
    model = timm.create_model(name, pretrained=False).eval()
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(made_up_tensors(shapes))
    with torch.inference_mode():
        maps = model.forward_intermediates(made_up_images(), intermediates_only=True)
    return {
        "timm": timm.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tensors": shapes,
        "maps": [described(features) for features in maps[-4:]],
    }


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        text = json.dumps(reference(chosen), separators=(",", ":"))
        (FOLDER / f"{chosen}.json").write_text(text + "\n", encoding="utf-8")
