"""Networks as after a training: every layer passes on what it sees."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def settled(module: Module) -> Module:
    """``module`` in evaluation mode, with BatchNorms that know the statistics of their inputs."""
    norms = [one for one in module.modules() if isinstance(one, nn.BatchNorm2d)]
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    for norm in norms:
        norm.momentum = None  # of one batch, all of it
    if norms:
        with torch.no_grad():
            module.train()(torch.rand(2, 3, 64, 96))
    return module.eval()
