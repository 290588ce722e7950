"""CSPDarknet: residual blocks on half of the channels of each stage, Mish throughout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    ``plain_start`` the first stage is one of Darknet-53 (Scaled-YOLOv4, §4.1); with ``whole_start``
    both of its paths have all channels (``yolov4.cfg``).
    """

    def __init__(
        self,
        repeats: Sequence[int],
        *,
        plain_start: bool = False,
        whole_start: bool = False,
        width: float = 1.0,
        depth: float = 1.0,
    ) -> None:
        super().__init__()
        stem = scaled_channels(32, width)
        self.channels = [scaled_channels(c, width) for c in CHANNELS[: len(repeats)]]
        self.strides = [2 ** (stage + 1) for stage in range(len(repeats))]
        self.stem = ConvBNAct(3, stem, 3, activation=mish)
        stages: list[nn.Module] = []
        for number, count in enumerate(repeats):
            inputs = self.channels[number - 1] if number else stem
            channels, blocks = self.channels[number], scaled_repeats(count, depth)
            down = ConvBNAct(inputs, channels, 3, stride=2, activation=mish)
            if plain_start and number == 0:
                stages.append(nn.Sequential(down, *_residuals(channels, channels // 2, blocks)))
            else:
                path = channels if whole_start and number == 0 else channels // 2
                stages.append(nn.Sequential(down, CrossStage(channels, path, blocks)))
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.stem(images)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]


def _residuals(channels: int, hidden: int, repeats: int) -> Iterator[Residual]:
    for _ in range(repeats):
        yield Residual(channels, hidden, mish)


class CrossStage(nn.Module):
    """A cross-stage block: one path of ``path`` channels skips the residual blocks, another goes
    through them, then both are merged."""

    def __init__(self, channels: int, path: int, repeats: int) -> None:
        super().__init__()
        self.bypass = ConvBNAct(channels, path, 1, activation=mish)
        self.enter = ConvBNAct(channels, path, 1, activation=mish)
        self.blocks = nn.Sequential(*_residuals(path, channels // 2, repeats))
        self.leave = ConvBNAct(path, path, 1, activation=mish)
        self.merge = ConvBNAct(2 * path, channels, 1, activation=mish)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.leave(self.blocks(self.enter(x)))
        merged: Tensor = self.merge(torch.cat((inner, self.bypass(x)), 1))
        return merged


def _cspdarknet(width: float, depth: float) -> CSPDarknet:
    return CSPDarknet(PLAIN, plain_start=True, width=width, depth=depth)


BACKBONES = (BackboneEntry(name="cspdarknet", build=_cspdarknet),)
