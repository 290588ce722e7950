"""Random weights that let an image through."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def settle(network: nn.Module, trained: Iterable[nn.Module] = ()) -> None:
    """Fit BatchNorm to noise: through random weights alone, an image hardly reaches the outputs,
    and parity would compare constants. The parts that are ``trained`` keep what they have.
    ``network`` is in evaluation mode after it."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    network.train()
    for part in trained:
        part.eval()
    with torch.no_grad():
        network(torch.rand(2, 3, 256, 256))
    network.eval()
