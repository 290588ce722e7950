"""YOLOv4-tiny (Wang et al. 2021, Scaled-YOLOv4, §3.3), after ``yolov4-tiny.cfg``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct, scaled_channels, upsampled
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, HeadDesign, NetworkEntry
from sizewise.core.specs import Size

DESIGN = HeadDesign(
    strides=(32, 16),
    anchors=(
        *((10.0, 14.0), (23.0, 27.0), (37.0, 58.0)),
        *((81.0, 82.0), (135.0, 169.0), (344.0, 319.0)),
    ),
    masks=((3, 4, 5), (1, 2, 3)),  # as the original has them: the first anchor goes unused
    decoding="yolov4-tiny",
    paper="yolov4",
)


class YOLOv4Tiny(AnchorDetector):
    """Three CSPOSA blocks and two levels; there is no depth to scale."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, DESIGN)
        stem, *stages = (scaled_channels(c, config.width) for c in (32, 64, 128, 256, 512))
        first, second, third, coarse = stages
        self.stem = nn.Sequential(
            ConvBNAct(3, stem, 3, stride=2), ConvBNAct(stem, first, 3, stride=2)
        )
        self.blocks = nn.ModuleList(
            OneShot(inputs, channels)
            for inputs, channels in ((first, first), (2 * first, second), (2 * second, third))
        )
        self.pool = nn.MaxPool2d(2)
        self.top = ConvBNAct(2 * third, coarse, 3)
        self.reduce = ConvBNAct(coarse, third, 1)
        self.expand = ConvBNAct(third, coarse, 3)
        self.coarse_head = self.make_head(coarse)
        self.lateral = ConvBNAct(third, second, 1)
        self.merge = ConvBNAct(second + third, third, 3)
        self.fine_head = self.make_head(third)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = self.stem(images)
        for block in self.blocks:
            whole, fine = block(features)
            features = self.pool(whole)
        reduced = self.reduce(self.top(features))
        merged = torch.cat((upsampled(self.lateral(reduced)), fine), 1)
        return [self.coarse_head(self.expand(reduced)), self.fine_head(self.merge(merged))]


class OneShot(nn.Module):
    """CSPOSA: the second half of the channels through two convolutions, all outputs put together
    at the end. Gives all of it, 2 · ``channels``, and what the convolutions made, ``channels``."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter = ConvBNAct(inputs, channels, 3)
        self.first = ConvBNAct(channels - half, half, 3)
        self.second = ConvBNAct(half, half, 3)
        self.merge = ConvBNAct(2 * half, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        entered = self.enter(x)
        first = self.first(entered.chunk(2, 1)[1])
        merged = self.merge(torch.cat((self.second(first), first), 1))
        return torch.cat((entered, merged), 1), merged


NETWORKS = (
    NetworkEntry(
        name="yolov4-tiny",
        task="detection",
        size=Size(416, 416),
        design=DESIGN,
        strides=DESIGN.strides,
        letterbox=False,
        build=YOLOv4Tiny,
    ),
)
