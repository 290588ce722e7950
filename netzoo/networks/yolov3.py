"""YOLOv3 (Redmon and Farhadi 2018), after ``yolov3.cfg`` and its kin.

Convolutions are registered and run in the order of Darknet's weights file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netzoo.backbones.darknet53 import Darknet53
from netzoo.backbones.tiny import TinyDarknet
from netzoo.blocks import ConvBNAct, SpatialPyramid, scaled_channels, scaled_repeats, upsampled
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, HeadDesign, NetworkEntry
from sizewise.core.specs import Size

DESIGN = HeadDesign(
    strides=(32, 16, 8),
    anchors=(
        *((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
        *((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
        *((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
    ),
    masks=((6, 7, 8), (3, 4, 5), (0, 1, 2)),
    decoding="yolov3",
    paper="yolov3",
)
TINY = HeadDesign(
    strides=(32, 16),
    anchors=(
        *((10.0, 14.0), (23.0, 27.0), (37.0, 58.0)),
        *((81.0, 82.0), (135.0, 169.0), (344.0, 319.0)),
    ),
    masks=((3, 4, 5), (0, 1, 2)),
    decoding="yolov3",
    paper="yolov3",
)


class YOLOv3(AnchorDetector):
    """Darknet-53 and three levels, each fed from the coarser one; ``pyramid`` puts an SPP block
    into the coarsest (YOLOv3-spp)."""

    def __init__(self, config: NetworkConfig, *, pyramid: bool = False) -> None:
        super().__init__(config, DESIGN)
        self.backbone = Darknet53(config.width, config.depth)
        repeats = scaled_repeats(2, config.depth)
        _, _, fine, middle, coarse = self.backbone.channels
        self.levels = nn.ModuleList(
            Level(above, channels, repeats, self.make_head(channels), pyramid and not above)
            for above, channels in ((0, coarse), (coarse // 2, middle), (middle // 2, fine))
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        *_, fine, middle, coarse = self.backbone(images)
        heads: list[Tensor] = []
        passed: Tensor | None = None
        for level, features in zip(self.levels, (coarse, middle, fine), strict=True):
            passed, head = level(features, passed)
            heads.append(head)
        return heads


class Level(nn.Module):
    """Backbone features of ``channels`` and the coarser level's of ``above`` (0: there is none)
    to features for the finer level, half of ``channels`` wide, and what ``head`` makes of them."""

    def __init__(
        self, above: int, channels: int, repeats: int, head: nn.Conv2d, pyramid: bool
    ) -> None:
        super().__init__()
        half = channels // 2
        self.lateral = ConvBNAct(above, above // 2, 1) if above else None
        blocks: list[nn.Module] = [ConvBNAct(channels + above // 2, half, 1)]
        for number in range(repeats):
            blocks += [ConvBNAct(half, channels, 3), ConvBNAct(channels, half, 1)]
            if pyramid and number == 0:
                blocks += [SpatialPyramid(), ConvBNAct(4 * half, half, 1)]
        self.body = nn.Sequential(*blocks)
        self.expand = ConvBNAct(half, channels, 3)
        self.head = head

    def forward(self, features: Tensor, above: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.lateral is not None and above is not None:
            features = torch.cat((upsampled(self.lateral(above)), features), 1)
        body = self.body(features)
        return body, self.head(self.expand(body))


class YOLOv3Tiny(AnchorDetector):
    """The tiny backbone and two levels, after ``yolov3-tiny.cfg``."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, TINY)
        self.backbone = TinyDarknet(config.width)
        fine, coarse = self.backbone.channels
        narrow, half = scaled_channels(256, config.width), scaled_channels(512, config.width)
        self.reduce = ConvBNAct(coarse, narrow, 1)
        self.expand = ConvBNAct(narrow, half, 3)
        self.coarse_head = self.make_head(half)
        self.lateral = ConvBNAct(narrow, narrow // 2, 1)
        self.merge = ConvBNAct(narrow // 2 + fine, narrow, 3)
        self.fine_head = self.make_head(narrow)

    def forward(self, images: Tensor) -> list[Tensor]:
        fine, coarse = self.backbone(images)
        reduced = self.reduce(coarse)
        merged = torch.cat((upsampled(self.lateral(reduced)), fine), 1)
        return [self.coarse_head(self.expand(reduced)), self.fine_head(self.merge(merged))]


NETWORKS = (
    NetworkEntry(
        name="yolov3",
        task="detection",
        size=Size(416, 416),
        design=DESIGN,
        strides=DESIGN.strides,
        build=YOLOv3,
    ),
    NetworkEntry(
        name="yolov3-spp",
        task="detection",
        size=Size(608, 608),
        design=DESIGN,
        strides=DESIGN.strides,
        build=lambda config: YOLOv3(config, pyramid=True),
    ),
    NetworkEntry(
        name="yolov3-tiny",
        task="detection",
        size=Size(416, 416),
        design=TINY,
        strides=TINY.strides,
        build=YOLOv3Tiny,
    ),
)
