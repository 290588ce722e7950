"""Darknet-53 without its classifier: 52 convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.blocks import ConvBNAct, Residual, scaled_channels, scaled_repeats

REPEATS = (1, 2, 8, 8, 4)


class Darknet53(Backbone):
    """Five stages of residual blocks (Redmon and Farhadi 2018, YOLOv3, table 1).

    [B, 3, H, W] → the stages' outputs at strides 2, 4, 8, 16, 32; ``channels`` are theirs.
    """

    strides = (2, 4, 8, 16, 32)

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        stem = scaled_channels(32, width)
        self.channels = [scaled_channels(64 * 2**i, width) for i in range(len(REPEATS))]
        self.stem = ConvBNAct(3, stem, 3)
        self.stages = nn.ModuleList(
            _stage(inputs, outputs, scaled_repeats(repeats, depth))
            for inputs, outputs, repeats in zip(
                [stem, *self.channels], self.channels, REPEATS, strict=False
            )
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.stem(images)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]


def _stage(inputs: int, outputs: int, repeats: int) -> nn.Sequential:
    blocks = (Residual(outputs, outputs // 2) for _ in range(repeats))
    return nn.Sequential(ConvBNAct(inputs, outputs, 3, stride=2), *blocks)


BACKBONES = (BackboneEntry(name="darknet53", build=Darknet53),)
