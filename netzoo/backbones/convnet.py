"""A small convolutional backbone for CPUs: residual blocks and ReLU."""

from __future__ import annotations

from torch import Tensor, nn

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.blocks import ConvBNAct, Residual, scaled_channels, scaled_repeats

CHANNELS = (32, 64, 128, 256)
REPEATS = (1, 2, 2, 1)


class ConvNet(Backbone):
    """A stem of stride 2 and four stages, each a convolution of stride 2 and residual blocks of
    1×1 and 3×3, as Darknet-53 has them. ReLU, as every compiler fuses it into a convolution.

    [B, 3, H, W] → [B, 32, H/4, W/4], [B, 64, H/8, W/8], [B, 128, H/16, W/16],
    [B, 256, H/32, W/32] at width 1.
    """

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        stem = scaled_channels(CHANNELS[0] // 2, width)
        self.channels = [scaled_channels(channels, width) for channels in CHANNELS]
        self.stem = ConvBNAct(3, stem, 3, stride=2, activation=nn.ReLU)
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
    down = ConvBNAct(inputs, outputs, 3, stride=2, activation=nn.ReLU)
    return nn.Sequential(down, *(Residual(outputs, outputs // 2, nn.ReLU) for _ in range(repeats)))


BACKBONES = (BackboneEntry(name="convnet", build=ConvNet),)
