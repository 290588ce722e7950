"""YOLOv3 (Redmon and Farhadi 2018), after ``yolov3.cfg``.

Convolutions are registered and run in the order of Darknet's weights file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from netzoo.backbones.darknet53 import Darknet53
from netzoo.blocks import ConvBNAct, scaled_repeats
from netzoo.config import NetworkConfig
from netzoo.network import AnchorDetector, NetworkEntry

STRIDES = (32, 16, 8)
COCO_ANCHORS = (
    *((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
    *((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
    *((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
)


class YOLOv3(AnchorDetector):
    """Darknet-53 and three levels, each fed from the coarser one."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, STRIDES, COCO_ANCHORS)
        self.backbone = Darknet53(config.width, config.depth)
        repeats = scaled_repeats(2, config.depth)
        _, _, fine, middle, coarse = self.backbone.channels
        self.levels = nn.ModuleList(
            Level(above, channels, repeats, self.make_head(channels))
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

    def __init__(self, above: int, channels: int, repeats: int, head: nn.Conv2d) -> None:
        super().__init__()
        half = channels // 2
        self.lateral = ConvBNAct(above, above // 2, 1) if above else None
        first = ConvBNAct(channels + above // 2, half, 1)
        self.body = nn.Sequential(first, *(_squeeze(half) for _ in range(repeats)))
        self.expand = ConvBNAct(half, channels, 3)
        self.head = head

    def forward(self, features: Tensor, above: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.lateral is not None and above is not None:
            upsampled = functional.interpolate(self.lateral(above), scale_factor=2.0)
            features = torch.cat((upsampled, features), 1)
        body = self.body(features)
        return body, self.head(self.expand(body))


def _squeeze(channels: int) -> nn.Sequential:
    return nn.Sequential(ConvBNAct(channels, channels * 2, 3), ConvBNAct(channels * 2, channels, 1))


NETWORKS = (
    NetworkEntry(
        name="yolov3", task="detection", strides=STRIDES, anchors=COCO_ANCHORS, build=YOLOv3
    ),
)
