"""A U-Net: Ronneberger et al., "Convolutional Networks for Biomedical Image Segmentation", 2015."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def twice(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions of 3×3, here with padding."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(),
    )


class Up(nn.Module):
    """An up-convolution of 2×2, what came from the left, and two convolutions (section 2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.grow = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.convolve = twice(2 * width, width)

    def forward(self, deep: Tensor, left: Tensor) -> Tensor:
        result: Tensor = self.convolve(torch.cat((left, self.fitted(self.grow(deep), left)), 1))
        return result

    def fitted(self, grown: Tensor, left: Tensor) -> Tensor:
        """In the size of ``left``: they differ where a side was odd."""
        below, right = left.shape[2] - grown.shape[2], left.shape[3] - grown.shape[3]
        return functional.pad(
            grown, (right // 2, right - right // 2, below // 2, below - below // 2)
        )


class UpWhereNeeded(Up):
    """Asks first whether the sizes differ."""

    def fitted(self, grown: Tensor, left: Tensor) -> Tensor:
        if grown.shape[2:] != left.shape[2:]:
            grown = super().fitted(grown, left)
        return grown


class UNet(nn.Module):
    """Figure 1 with ``depth`` halvings."""

    def __init__(self, depth: int = 1, width: int = 4, up: type[Up] = Up) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.first = twice(3, width)
        self.downs = nn.ModuleList(twice(width, 2 * width) for width in widths[:-1])
        self.ups = nn.ModuleList(up(width) for width in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        levels = [self.first(images)]
        for down in self.downs:
            levels.append(down(functional.max_pool2d(levels[-1], 2)))
        deep = levels.pop()
        for up in self.ups:
            deep = up(deep, levels.pop())
        result: Tensor = self.head(deep)
        return result
