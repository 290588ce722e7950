"""The seven convolutions that YOLOv2-tiny and YOLOv3-tiny begin with."""

from __future__ import annotations

from torch import Tensor, nn

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.blocks import ConvBNAct, SameSizePool, scaled_channels

CHANNELS = (16, 32, 64, 128, 256, 512, 1024)


class TinyDarknet(Backbone):
    """One convolution between poolings, after ``yolov2-tiny.cfg``; there is no depth to scale.

    [B, 3, H, W] → the fifth's and the last one's outputs, at strides 16 and 32; ``channels`` are
    theirs.
    """

    strides = (16, 32)

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [scaled_channels(c, width) for c in CHANNELS]
        self.channels = [channels[4], channels[6]]
        self.convolutions = nn.ModuleList(
            ConvBNAct(inputs, outputs, 3)
            for inputs, outputs in zip([3, *channels], channels, strict=False)
        )
        self.pools = nn.ModuleList([*(nn.MaxPool2d(2) for _ in range(5)), SameSizePool()])

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.convolutions[0](images)]
        for pool, convolution in zip(self.pools, list(self.convolutions)[1:], strict=True):
            features.append(convolution(pool(features[-1])))
        return [features[4], features[6]]


def _tiny(width: float, _depth: float) -> TinyDarknet:
    return TinyDarknet(width)


BACKBONES = (BackboneEntry(name="tiny", build=_tiny, pyramid=False),)
