"""CSPDarknet: residual blocks on half of the channels of each stage, Mish throughout."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.blocks import ConvBNAct, Residual, mish, scaled_channels, scaled_repeats

CHANNELS = (64, 128, 256, 512, 1024, 1024, 1024)
PLAIN = (1, 2, 8, 8, 4)
"""Residual blocks per stage of YOLOv4-CSP, whose first stage is not split."""
LARGE = (1, 3, 15, 15, 7, 7, 7)
"""Residual blocks per stage of YOLOv4-P5, -P6 and -P7, which use the first 5, 6 and 7."""


class CSPDarknet(Backbone):
    """Stages of residual blocks with cross-stage partial connections (Wang et al. 2021,
    Scaled-YOLOv4, §3.2).

    [B, 3, H, W] → the stages' outputs at strides 2, 4, 8, …; ``channels`` are theirs. With
    ``plain_start`` the first stage is one of Darknet-53 (Scaled-YOLOv4, §4.1).
    """

    def __init__(
        self, repeats: Sequence[int], *, plain_start: bool, width: float = 1.0, depth: float = 1.0
    ) -> None:
        super().__init__()
        stem = scaled_channels(32, width)
        self.channels = [scaled_channels(c, width) for c in CHANNELS[: len(repeats)]]
        self.strides = [2 ** (stage + 1) for stage in range(len(repeats))]
        self.stem = ConvBNAct(3, stem, 3, activation=mish)
        stages: list[nn.Module] = []
        for number, count in enumerate(repeats):
            inputs = self.channels[number - 1] if number else stem
            plain = plain_start and number == 0
            stages.append(
                _stage(inputs, self.channels[number], scaled_repeats(count, depth), plain)
            )
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.stem(images)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]


def _stage(inputs: int, channels: int, repeats: int, plain: bool) -> nn.Sequential:
    down = ConvBNAct(inputs, channels, 3, stride=2, activation=mish)
    if not plain:
        return nn.Sequential(down, CrossStage(channels, repeats))
    blocks = (Residual(channels, channels // 2, mish) for _ in range(repeats))
    return nn.Sequential(down, *blocks)


class CrossStage(nn.Module):
    """A cross-stage block: half of the channels skip the residual blocks, then both are merged."""

    def __init__(self, channels: int, repeats: int) -> None:
        super().__init__()
        half = channels // 2
        self.bypass = ConvBNAct(channels, half, 1, activation=mish)
        self.enter = ConvBNAct(channels, half, 1, activation=mish)
        self.blocks = nn.Sequential(*(Residual(half, half, mish) for _ in range(repeats)))
        self.leave = ConvBNAct(half, half, 1, activation=mish)
        self.merge = ConvBNAct(2 * half, channels, 1, activation=mish)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.leave(self.blocks(self.enter(x)))
        merged: Tensor = self.merge(torch.cat((inner, self.bypass(x)), 1))
        return merged


def _cspdarknet(width: float, depth: float) -> CSPDarknet:
    return CSPDarknet(PLAIN, plain_start=True, width=width, depth=depth)


BACKBONES = (BackboneEntry(name="cspdarknet", build=_cspdarknet),)
