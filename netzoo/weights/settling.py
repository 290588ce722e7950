"""Settling of random weights, so that the outputs depend on the image."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def settle(network: nn.Module, trained: Iterable[nn.Module] = ()) -> None:
    """Fit BatchNorm to random noise; ``network`` is in evaluation mode after it.

    With random weights alone, the outputs hardly depend on the image, and parity would compare
    constants. The parts that are ``trained`` keep their statistics.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    network.train()
    for part in trained:
        part.eval()
    with torch.no_grad():
        network(torch.rand(2, 3, 256, 256))
    network.eval()
