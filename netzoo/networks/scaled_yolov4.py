"""Scaled-YOLOv4 (Wang et al. 2021): CSP, P5, P6 and P7, after ``yolov4-csp.cfg``,
``yolov4-p5.cfg``, ``yolov4-p6.cfg`` and the authors' description of P7."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from netzoo.backbones.cspdarknet import LARGE, PLAIN, CSPDarknet
from netzoo.blocks import (
    ConvBNAct,
    SpatialPyramid,
    mish,
    scaled_channels,
    scaled_repeats,
    upsampled,
)
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, HeadDesign, NetworkEntry, convolutions_of
from sizewise.core.specs import Size

NECK = (128, 256, 512, 512, 512)
"""Channels of the neck at strides 8, 16, 32, 64, 128."""


@dataclass(frozen=True, kw_only=True)
class CompoundScaling:
    """Compound scaling of the family (§4.2): residual blocks per stage, a plain first
    stage, pairs of convolutions in each block of the neck, and a factor on the channels.

    ``heads_between``: Darknet's file has each head right after its level, not after all levels.
    """

    repeats: tuple[int, ...]
    plain_start: bool = False
    pairs: int = 3
    width: float = 1.0
    heads_between: bool = False


def _design(*anchors: tuple[tuple[float, float], ...]) -> HeadDesign:
    each = len(anchors[0])
    return HeadDesign(
        strides=tuple(8 * 2**level for level in range(len(anchors))),
        anchors=tuple(anchor for level in anchors for anchor in level),
        masks=tuple(tuple(range(each * n, each * (n + 1))) for n in range(len(anchors))),
        decoding="scaled",
        paper="scaled",
        logistic=True,
    )


CSP_DESIGN = _design(
    ((12, 16), (19, 36), (40, 28)),
    ((36, 75), (76, 55), (72, 146)),
    ((142, 110), (192, 243), (459, 401)),
)
P5_DESIGN = _design(
    ((13, 17), (31, 25), (24, 51), (61, 45)),
    ((48, 102), (119, 96), (97, 189), (217, 184)),
    ((171, 384), (324, 451), (616, 618), (800, 800)),
)
P6_DESIGN = _design(
    ((13, 17), (31, 25), (24, 51), (61, 45)),
    ((61, 45), (48, 102), (119, 96), (97, 189)),
    ((97, 189), (217, 184), (171, 384), (324, 451)),
    ((324, 451), (545, 357), (616, 618), (1024, 1024)),
)
P7_DESIGN = _design(
    ((13, 17), (22, 25), (27, 66), (55, 41)),
    ((57, 88), (112, 69), (69, 177), (136, 138)),
    ((136, 138), (287, 114), (134, 275), (268, 248)),
    ((268, 248), (232, 504), (445, 416), (640, 640)),
    ((812, 393), (477, 808), (1070, 908), (1408, 1408)),
)


class ScaledYOLOv4(AnchorDetector):
    """CSPDarknet, CSP-SPP, and a CSP-PAN that goes up to stride 8 and down again."""

    def __init__(self, config: NetworkConfig, design: HeadDesign, scaling: CompoundScaling) -> None:
        super().__init__(config, design)
        width = config.width * scaling.width
        self.heads_between = scaling.heads_between
        self.backbone = CSPDarknet(
            scaling.repeats, plain_start=scaling.plain_start, width=width, depth=config.depth
        )
        pairs = scaled_repeats(scaling.pairs, config.depth)
        levels = len(design.strides)
        necks = [scaled_channels(c, width) for c in NECK[:levels]]
        outputs = [scaled_channels(2 * c, width) for c in NECK[:levels]]
        features = self.backbone.channels[-levels:]
        self.pyramid = CrossPyramid(features[-1], necks[-1])
        self.ups = nn.ModuleList(
            Up(necks[level + 1], features[level], necks[level], pairs)
            for level in reversed(range(levels - 1))
        )
        self.downs = nn.ModuleList(
            Down(finer, channels, pairs) for finer, channels in pairwise(necks)
        )
        self.heads = nn.ModuleList(
            nn.Sequential(ConvBNAct(neck, out, 3, activation=mish), self.make_head(out))
            for neck, out in zip(necks, outputs, strict=True)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        features = self.backbone(images)[-len(self.heads) :]
        rising = [self.pyramid(features[-1])]
        for up, lateral in zip(self.ups, reversed(features[:-1]), strict=True):
            rising.append(up(rising[-1], lateral))
        falling = [rising.pop()]
        for down, same in zip(self.downs, reversed(rising), strict=True):
            falling.append(down(falling[-1], same))
        return [head(level) for head, level in zip(self.heads, falling, strict=True)]

    def convolutions(self) -> Iterator[ConvBNAct | nn.Conv2d]:
        if not self.heads_between:
            yield from super().convolutions()
            return
        parts: list[nn.Module] = [self.backbone, self.pyramid, self.ups, self.heads[0]]
        for down, head in zip(self.downs, list(self.heads)[1:], strict=True):
            parts += [down, head]
        for part in parts:
            yield from convolutions_of(part)


class CrossPyramid(nn.Module):
    """CSP-SPP: spatial pyramid pooling on one of two paths (§4.1)."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.bypass = ConvBNAct(inputs, channels, 1, activation=mish)
        self.before = nn.Sequential(
            ConvBNAct(inputs, channels, 1, activation=mish),
            ConvBNAct(channels, channels, 3, activation=mish),
            ConvBNAct(channels, channels, 1, activation=mish),
        )
        self.pools = SpatialPyramid()
        self.after = nn.Sequential(
            ConvBNAct(4 * channels, channels, 1, activation=mish),
            ConvBNAct(channels, channels, 3, activation=mish),
        )
        self.merge = ConvBNAct(2 * channels, channels, 1, activation=mish)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.after(self.pools(self.before(x)))
        merged: Tensor = self.merge(torch.cat((pooled, self.bypass(x)), 1))
        return merged


class ReversedCrossStage(nn.Module):
    """The neck's block: ``pairs`` of convolutions without a residual, and a bypass (§4.1)."""

    def __init__(self, inputs: int, channels: int, pairs: int) -> None:
        super().__init__()
        self.enter = ConvBNAct(inputs, channels, 1, activation=mish)
        self.bypass = ConvBNAct(channels, channels, 1, activation=mish)
        blocks: list[nn.Module] = []
        for _ in range(pairs):
            blocks += [
                ConvBNAct(channels, channels, 1, activation=mish),
                ConvBNAct(channels, channels, 3, activation=mish),
            ]
        self.blocks = nn.Sequential(*blocks)
        self.merge = ConvBNAct(2 * channels, channels, 1, activation=mish)

    def forward(self, x: Tensor) -> Tensor:
        entered = self.enter(x)
        merged: Tensor = self.merge(torch.cat((self.blocks(entered), self.bypass(entered)), 1))
        return merged


class Up(nn.Module):
    """The step from a coarser level of the neck to the next finer one, with backbone features."""

    def __init__(self, above: int, features: int, channels: int, pairs: int) -> None:
        super().__init__()
        self.reduce = ConvBNAct(above, channels, 1, activation=mish)
        self.lateral = ConvBNAct(features, channels, 1, activation=mish)
        self.block = ReversedCrossStage(2 * channels, channels, pairs)

    def forward(self, above: Tensor, features: Tensor) -> Tensor:
        merged = torch.cat((self.lateral(features), upsampled(self.reduce(above))), 1)
        result: Tensor = self.block(merged)
        return result


class Down(nn.Module):
    """The step from a finer level of the neck to the next coarser one, with its features."""

    def __init__(self, below: int, channels: int, pairs: int) -> None:
        super().__init__()
        self.reduce = ConvBNAct(below, channels, 3, stride=2, activation=mish)
        self.block = ReversedCrossStage(2 * channels, channels, pairs)

    def forward(self, below: Tensor, same: Tensor) -> Tensor:
        result: Tensor = self.block(torch.cat((self.reduce(below), same), 1))
        return result


def _entry(name: str, side: int, design: HeadDesign, scaling: CompoundScaling) -> NetworkEntry:
    return NetworkEntry(
        name=name,
        task="detection",
        size=Size(side, side),
        design=design,
        strides=design.strides,
        build=lambda config: ScaledYOLOv4(config, design, scaling),
    )


NETWORKS = (
    _entry(
        *("yolov4-csp", 512, CSP_DESIGN),
        CompoundScaling(repeats=PLAIN, plain_start=True, pairs=2, heads_between=True),
    ),
    _entry("yolov4-p5", 896, P5_DESIGN, CompoundScaling(repeats=LARGE[:5])),
    _entry("yolov4-p6", 1280, P6_DESIGN, CompoundScaling(repeats=LARGE[:6])),
    _entry("yolov4-p7", 1536, P7_DESIGN, CompoundScaling(repeats=LARGE, width=1.25)),
)
