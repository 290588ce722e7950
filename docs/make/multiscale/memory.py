"""Peak memory of one step of training at batch 4, in a process that does nothing else: python
memory.py BACKBONE FUSION SIDE HOW, where HOW lists sequential, checkpointing and inference.
"""

from __future__ import annotations

import json
import sys

import torch

from bench.timing.readings import peak_bytes
from netzoo.losses._registry import Targets, find_loss
from netzoo.training.settings import ScaleTraining
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network

BATCH = 4


def main() -> None:
    backbone, fusion, side, *rest = sys.argv[1:]
    how = set("".join(rest).split(","))
    torch.manual_seed(0)
    config = NetworkConfig(
        name="multiscale",
        classes=("object",),
        multiscale=MultiscaleConfig(fusion=fusion, backbones=(backbone,)),
    )
    network = build_network(config)
    scales = ScaleTraining(checkpointing="checkpointing" in how, sequential="sequential" in how)
    network.begin_step(1, scales)
    images = torch.rand(BATCH, 3, int(side), int(side))
    before = peak_bytes()
    loss = _inference(network, images) if "inference" in how else _step(network, images, scales)
    record = {
        "backbone": backbone,
        "fusion": fusion,
        "side": int(side),
        "batch": BATCH,
        "how": sorted(how - {""}),
        "before_bytes": before,
        "peak_bytes": peak_bytes(),
        "result": loss,
    }
    print(json.dumps(record))  # noqa: T201


def _step(network: torch.nn.Module, images: torch.Tensor, scales: ScaleTraining) -> float:
    empty = torch.empty(0)
    masks = (images.mean(1, keepdim=True) > 0.5).float()
    targets = Targets(images=empty, labels=empty, boxes=empty, masks=masks)
    optimizer = torch.optim.AdamW(network.parameters())
    parts = find_loss("masks").function(scales)(network, network.train()(images), targets)
    total = torch.stack(list(parts.values())).sum()
    torch.autograd.backward(total)
    optimizer.step()
    return total.item()


def _inference(network: torch.nn.Module, images: torch.Tensor) -> float:
    with torch.inference_mode():
        (mask,) = network.eval()(images)
    return float(mask.mean())


if __name__ == "__main__":
    main()
