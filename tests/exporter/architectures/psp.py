"""The head of PSPNet: Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class PoolingPyramid(nn.Module):
    """Section 3.2, figure 3: pooled to grids of 1, 2, 3 and 6 cells, narrowed, and put together."""

    def __init__(self, width: int, pool: type[nn.Module] = nn.AdaptiveAvgPool2d) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(pool(cells), nn.Conv2d(width, width // 4, 1), nn.ReLU())
            for cells in (1, 2, 3, 6)
        )

    def forward(self, maps: Tensor) -> Tensor:
        size = maps.shape[2:]
        pooled = [level(maps) for level in self.levels]
        grown = [functional.interpolate(one, size=size, mode="bilinear") for one in pooled]
        return torch.cat((maps, *grown), 1)


class PspNet(nn.Module):
    """Figure 3, over a small backbone with an output stride of 8."""

    def __init__(self, pool: type[nn.Module] = nn.AdaptiveAvgPool2d) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 8, 1), nn.ReLU())
        self.pyramid = PoolingPyramid(8, pool)
        self.head = nn.Conv2d(16, 3, 3, 1, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        logits = self.head(self.pyramid(self.backbone(images)))
        return {"out": functional.interpolate(logits, size=images.shape[2:], mode="bilinear")}


class PooledByKernel(nn.Module):
    """Pools by a kernel that is computed from the size."""

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, maps: Tensor) -> Tensor:
        kernel = (maps.shape[2] // self.cells, maps.shape[3] // self.cells)
        return functional.avg_pool2d(maps, kernel, kernel)
