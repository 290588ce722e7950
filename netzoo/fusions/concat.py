"""All scales side by side, and a convolution that brings them back to the channels of one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct
from netzoo.fusions._registry import Fusion, FusionEntry


class Concat(Fusion):
    """A 1×1 convolution over [B, N·C, H, W]: what stands at a position in each scale is mixed,
    the same way everywhere."""

    def __init__(self, channels: int, scales: int, _reference: int) -> None:
        super().__init__()
        self.mix = ConvBNAct(scales * channels, channels, 1, activation=nn.ReLU)

    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        del weights
        mixed: Tensor = self.mix(torch.cat(list(maps), 1))
        return mixed


FUSIONS = (FusionEntry(name="concat", build=Concat),)
