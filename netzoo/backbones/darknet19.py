"""Darknet-19 without its classifier: 18 convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.blocks import ConvBNAct, scaled_channels, scaled_repeats

STAGES = ((32, 0), (64, 0), (128, 1), (256, 1), (512, 2), (1024, 2))
"""Channels, and how often 1×1 and 3×3 follow the first 3×3; each but the first after a pooling."""


class Darknet19(Backbone):
    """Six stages (Redmon and Farhadi 2017, YOLO9000, table 6).

    [B, 3, H, W] → the stages' outputs at strides 1, 2, 4, 8, 16, 32; ``channels`` are theirs.
    """

    strides = (1, 2, 4, 8, 16, 32)

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        self.channels = [scaled_channels(channels, width) for channels, _ in STAGES]
        self.stages = nn.ModuleList(
            _stage(inputs, outputs, scaled_repeats(pairs, depth) if pairs else 0)
            for inputs, outputs, (_, pairs) in zip(
                [3, *self.channels], self.channels, STAGES, strict=False
            )
        )
        self.pool = nn.MaxPool2d(2)

    def forward(self, images: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        for stage in self.stages:
            features.append(stage(self.pool(features[-1]) if features else images))
        return features


def _stage(inputs: int, outputs: int, pairs: int) -> nn.Sequential:
    blocks = [ConvBNAct(inputs, outputs, 3)]
    for _ in range(pairs):
        blocks += [ConvBNAct(outputs, outputs // 2, 1), ConvBNAct(outputs // 2, outputs, 3)]
    return nn.Sequential(*blocks)


BACKBONES = (BackboneEntry(name="darknet19", build=Darknet19),)
