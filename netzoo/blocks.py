"""Building blocks that several families share."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def leaky() -> nn.Module:
    """Darknet's ``leaky``: slope 0.1 below zero."""
    return nn.LeakyReLU(0.1, inplace=True)


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
    """x + conv3×3(conv1×1(x)), the middle half as wide (YOLOv3, table 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvBNAct(channels, channels // 2, 1)
        self.expand = ConvBNAct(channels // 2, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.expand(self.reduce(x))
        return result
