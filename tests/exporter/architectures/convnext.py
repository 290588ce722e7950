"""A ConvNeXt: Liu et al., "A ConvNet for the 2020s", CVPR 2022."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of [B, C, H, W]."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Sections 2.4 to 2.6, figure 4: depthwise 7×7, LayerNorm, four times as wide, GELU, narrow."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.rand(width))

    def forward(self, maps: Tensor) -> Tensor:
        found: Tensor = self.norm(self.depthwise(maps).permute(0, 2, 3, 1))
        found = self.gamma * self.narrow(nn.functional.gelu(self.wide(found)))
        return maps + found.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """A stem of patches, stages (four of 1 : 1 : 3 : 1, section 2.2), a mean before the head."""

    def __init__(self, widths: tuple[int, ...] = (4, 8), depths: tuple[int, ...] = (1, 1)) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0])]
        for place, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if place:
                before = widths[place - 1]
                parts += [ChannelNorm(before), nn.Conv2d(before, width, 2, 2)]
            parts += [Block(width) for _ in range(depth)]
        self.stages = nn.Sequential(*parts)
        self.norm, self.head = nn.LayerNorm(widths[-1]), nn.Linear(widths[-1], 5)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.head(self.norm(self.stages(images).mean((2, 3))))
        return result
