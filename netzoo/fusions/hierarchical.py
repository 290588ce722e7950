"""Hierarchical scale integration: from the coarsest scale to the finest, one stage for each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct
from netzoo.fusions._registry import Fusion, FusionEntry

_REDUCTION = 4
_SPATIAL_KERNEL = 7


class Hierarchical(Fusion):
    """N − 1 stages, each of which merges the next finer scale, and a residual with 1×."""

    def __init__(self, channels: int, scales: int, reference: int) -> None:
        super().__init__()
        self.reference = reference
        self.stages = nn.ModuleList(_Stage(channels) for _ in range(scales - 1))

    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        del weights
        merged = maps[0]
        for stage, finer in zip(self.stages, maps[1:], strict=True):
            merged = stage(merged, finer)
        return merged + maps[self.reference]


class _Stage(nn.Module):
    """One stage: two maps side by side, two convolutions, channel and spatial attention, as CBAM
    has them (Woo et al. 2018, §3), with GELU between the two layers for channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(8, channels // _REDUCTION)
        self.reduce = ConvBNAct(2 * channels, channels, 1, activation=nn.ReLU)
        self.merge = ConvBNAct(channels, channels, 3, activation=nn.ReLU)
        self.channel = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.GELU(), nn.Conv2d(hidden, channels, 1), nn.Sigmoid()
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(2, 1, _SPATIAL_KERNEL, padding=_SPATIAL_KERNEL // 2), nn.Sigmoid()
        )

    def forward(self, coarser: Tensor, finer: Tensor) -> Tensor:
        merged = self.merge(self.reduce(torch.cat((coarser, finer), 1)))
        merged = merged * self.channel(merged.mean((2, 3), keepdim=True))
        seen = torch.cat((merged.amax(1, keepdim=True), merged.mean(1, keepdim=True)), 1)
        attended: Tensor = merged * self.spatial(seen)
        return attended


FUSIONS = (FusionEntry(name="hierarchical", build=Hierarchical),)
