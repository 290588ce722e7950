"""The head of DeepLabV3+: Chen et al., "Encoder-Decoder with Atrous Separable Convolution",
ECCV 2018."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 8


def convolution(inputs: int, outputs: int, kernel: int = 1, rate: int = 1) -> nn.Sequential:
    padding = rate * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=rate, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def separable(inputs: int, outputs: int, rate: int = 1) -> nn.Sequential:
    """Atrous separable convolution (section 3.1)."""
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=rate, dilation=rate, groups=inputs, bias=False)
    return nn.Sequential(depthwise, convolution(inputs, outputs))


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling, with features of the whole image (section 3.1).

    The paper's rates are 6, 12 and 18.
    """

    def __init__(self, inputs: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [convolution(inputs, WIDTH), *(separable(inputs, WIDTH, rate) for rate in rates)]
        )
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), convolution(inputs, WIDTH))
        self.merge = convolution(WIDTH * (len(rates) + 2), WIDTH)

    def forward(self, maps: Tensor) -> Tensor:
        whole = functional.interpolate(
            self.whole(maps), size=maps.shape[2:], mode="bilinear", align_corners=False
        )
        found = [branch(maps) for branch in self.branches]
        result: Tensor = self.merge(torch.cat((*found, whole), 1))
        return result


class DeepLab(nn.Module):
    """Figure 2, over a small backbone with an output stride of 16."""

    def __init__(self, rates: tuple[int, ...] = (6,)) -> None:
        super().__init__()
        self.low = nn.Sequential(nn.Conv2d(3, 6, 3, 4, 1), nn.ReLU())
        self.high = nn.Sequential(nn.Conv2d(6, 8, 3, 4, 1), nn.ReLU())
        self.pyramid, self.narrow = Pyramid(8, rates), convolution(6, 4)
        self.decoder = nn.Sequential(separable(WIDTH + 4, WIDTH), nn.Conv2d(WIDTH, 3, 1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        low = self.low(images)
        high = self.resized(self.pyramid(self.high(low)), low)
        logits = self.decoder(torch.cat((high, self.narrow(low)), 1))
        return {"out": self.resized(logits, images)}

    def resized(self, maps: Tensor, like: Tensor) -> Tensor:
        return functional.interpolate(
            maps, size=like.shape[2:], mode="bilinear", align_corners=False
        )


class ResizedByQuotient(DeepLab):
    """Resizes by the quotient of two sizes, a float."""

    def resized(self, maps: Tensor, like: Tensor) -> Tensor:
        factor = like.shape[2] / maps.shape[2]
        return functional.interpolate(maps, scale_factor=factor, mode="bilinear")
