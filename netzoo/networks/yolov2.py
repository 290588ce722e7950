"""YOLOv2 (Redmon and Farhadi 2017, YOLO9000), after ``yolov2.cfg`` and its kin."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from netzoo.backbones.darknet19 import Darknet19
from netzoo.backbones.tiny import TinyDarknet
from netzoo.blocks import ConvBNAct, scaled_channels
from netzoo.decoding.classes import Exclusive
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, HeadDesign, NetworkEntry
from sizewise.core.specs import Size

STRIDE = 32


def region_design(*cells: tuple[float, float], rescore: bool = True) -> HeadDesign:
    """One head at stride 32; the original gives its anchors in cells."""
    anchors = tuple((width * STRIDE, height * STRIDE) for width, height in cells)
    return HeadDesign(
        strides=(STRIDE,),
        anchors=anchors,
        masks=(tuple(range(len(anchors))),),
        decoding="yolov3",  # which kept YOLOv2's (§2, "Direct location prediction")
        paper="region",
        rescore=rescore,
    )


COCO = region_design(
    *((0.57273, 0.677385), (1.87446, 2.06253), (3.33843, 5.47434)),
    *((7.88282, 3.52778), (9.77052, 9.16828)),
)
TINY = replace(COCO, rescore=False)
VOC = region_design(
    *((1.3221, 1.73145), (3.19275, 4.00944), (5.05587, 8.09892)),
    *((9.47112, 4.84053), (11.2364, 10.0071)),
)


class YOLOv2(AnchorDetector):
    """Darknet-19, three convolutions, and the finer features rearranged beside them."""

    def __init__(self, config: NetworkConfig, design: HeadDesign = COCO) -> None:
        super().__init__(config, design)
        self.class_rule = Exclusive()
        self.backbone = Darknet19(config.width, config.depth)
        *_, fine, coarse = self.backbone.channels
        passed = scaled_channels(64, config.width)
        self.deeper = ConvBNAct(coarse, coarse, 3)
        self.deepest = ConvBNAct(coarse, coarse, 3)
        self.passed = ConvBNAct(fine, passed, 1)
        self.merge = ConvBNAct(4 * passed + coarse, coarse, 3)
        self.head = self.make_head(coarse)

    def forward(self, images: Tensor) -> list[Tensor]:
        *_, fine, coarse = self.backbone(images)
        deep = self.deepest(self.deeper(coarse))
        merged = torch.cat((passthrough(self.passed(fine)), deep), 1)
        return [self.head(self.merge(merged))]


class YOLOv2Tiny(AnchorDetector):
    """Eight convolutions and a head, after ``yolov2-tiny.cfg``."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, TINY)
        self.class_rule = Exclusive()
        self.backbone = TinyDarknet(config.width)
        half = scaled_channels(512, config.width)
        self.deeper = ConvBNAct(self.backbone.channels[1], half, 3)
        self.head = self.make_head(half)

    def forward(self, images: Tensor) -> list[Tensor]:
        _, coarse = self.backbone(images)
        return [self.head(self.deeper(coarse))]


def passthrough(x: Tensor) -> Tensor:
    """Rearrange [B, C, H, W] → [B, 4C, H/2, W/2], in the channel order of Darknet's ``reorg``.

    Darknet reads the features' memory as a quarter of the channels at twice the height and width,
    deals out every second row and column, and reads the result as the shape it wants.
    """
    batch, channels, height, width = x.shape
    # Flat before and between: new rows begin amid old ones, and torch.export, asked to match their
    # lengths, ties the program to the sizes at which they do so as in the example.
    wide = x.flatten(1).reshape(batch, channels // 4, height, 2, width, 2)
    dealt = wide.permute(0, 3, 5, 1, 2, 4).flatten(1)
    return dealt.reshape(batch, channels * 4, height // 2, width // 2)


NETWORKS = (
    NetworkEntry(name="yolov2", task="detection", size=Size(416, 416), design=COCO, build=YOLOv2),
    NetworkEntry(
        name="yolov2-voc",
        task="detection",
        size=Size(416, 416),
        classes=20,
        design=VOC,
        build=lambda config: YOLOv2(config, VOC),
    ),
    NetworkEntry(
        name="yolov2-tiny", task="detection", size=Size(416, 416), design=TINY, build=YOLOv2Tiny
    ),
)
