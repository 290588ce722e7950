"""Building blocks that several families share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


def leaky() -> nn.Module:
    """Darknet's ``leaky`` activation: slope 0.1 below zero."""
    return nn.LeakyReLU(0.1, inplace=True)


def mish() -> nn.Module:
    """Mish, x · tanh(softplus(x)) (Misra 2019), which Scaled-YOLOv4 uses throughout."""
    return nn.Mish(inplace=True)


def scaled_channels(channels: int, width: float) -> int:
    """``channels`` × ``width``, to the nearest multiple of 8 (at least 8)."""
    return max(8, 8 * round(channels * width / 8)) if width != 1 else channels


def scaled_repeats(repeats: int, depth: float) -> int:
    """``repeats`` × ``depth``, rounded, at least 1."""
    return max(1, round(repeats * depth))


class ConvBNAct(nn.Module):
    """Convolution without bias, BatchNorm (eps 1e-5), activation: Darknet's ``[convolutional]``.

    [B, inputs, H, W] → [B, outputs, H / stride, W / stride], padded by half the kernel.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        activation: Callable[[], nn.Module] = leaky,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=1e-5)
        self.act = activation()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.act(self.norm(self.conv(x)))
        return result


class Residual(nn.Module):
    """A residual block, x + conv3×3(conv1×1(x)), with ``hidden`` channels between.

    YOLOv3 has half of the channels there (table 1).
    """

    def __init__(
        self, channels: int, hidden: int, activation: Callable[[], nn.Module] = leaky
    ) -> None:
        super().__init__()
        self.reduce = ConvBNAct(channels, hidden, 1, activation=activation)
        self.expand = ConvBNAct(hidden, channels, 3, activation=activation)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.expand(self.reduce(x))
        return result


class SpatialPyramid(nn.Module):
    """Spatial pyramid pooling: maxima over 13×13, 9×9 and 5×5 beside the features, same size
    (SPP as in YOLOv3-spp and YOLOv4; Darknet's order)."""

    def __init__(self) -> None:
        super().__init__()
        self.pools = nn.ModuleList(nn.MaxPool2d(k, 1, k // 2) for k in (13, 9, 5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(pool(x) for pool in self.pools), x], 1)


class SameSizePool(nn.Module):
    """Darknet's max-pooling of size 2 and stride 1: the maximum over 2×2 at every position."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(functional.pad(x, (0, 1, 0, 1), mode="replicate"), 2, 1)


def upsampled(x: Tensor) -> Tensor:
    """Upsample [B, C, H, W] → [B, C, 2H, 2W]: each value four times."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
