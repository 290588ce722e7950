"""The mean of all scales, each first shifted to fit the map at 1×, position by position."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from netzoo.blocks import ConvBNAct
from netzoo.fusions._registry import Fusion, FusionEntry


class Deformable(Fusion):
    """One learned offset per position and scale, as deformable convolutions learn theirs (Dai et
    al. 2017, §2.1), but by grid sampling, which every exporter and compiler knows. Offsets begin
    at 0: before any training, this is the mean of all maps through a convolution."""

    def __init__(self, channels: int, scales: int, reference: int) -> None:
        super().__init__()
        self.reference = reference
        self.offsets = nn.ModuleList(_offset(channels) for _ in range(scales - 1))
        self.mix = ConvBNAct(channels, channels, 1, activation=nn.ReLU)

    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        del weights
        own = maps[self.reference]
        others = [each for place, each in enumerate(maps) if place != self.reference]
        total = own
        for offset, each in zip(self.offsets, others, strict=True):
            total = total + shifted(each, offset(torch.cat((each, own), 1)))
        mixed: Tensor = self.mix(total / len(maps))
        return mixed


def shifted(values: Tensor, offsets: Tensor) -> Tensor:
    """Read ``values`` [B, C, H, W] at every position plus its offset, bilinearly, with the border
    repeated. ``offsets`` [B, 2, H, W] are x and y, in cells."""
    batch, _, height, width = values.shape
    x = _centres(width, values).view(1, 1, width).expand(batch, height, width)
    y = _centres(height, values).view(1, height, 1).expand(batch, height, width)
    grid = torch.stack((x + offsets[:, 0] * 2 / width, y + offsets[:, 1] * 2 / height), -1)
    return functional.grid_sample(
        values, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def _centres(cells: int, like: Tensor) -> Tensor:
    """The centres of ``cells`` cells that share −1…1."""
    return (torch.arange(cells, device=like.device) * 2 + 1) / cells - 1


def _offset(channels: int) -> nn.Conv2d:
    predictor = nn.Conv2d(2 * channels, 2, 3, padding=1)
    nn.init.zeros_(predictor.weight)
    if predictor.bias is not None:
        nn.init.zeros_(predictor.bias)
    return predictor


FUSIONS = (FusionEntry(name="deformable", build=Deformable),)
