"""YOLOv4 (Bochkovskiy et al. 2020), after ``yolov4.cfg``.

Convolutions are registered and run in the order of Darknet's weights file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netzoo.backbones.cspdarknet import PLAIN, CSPDarknet
from netzoo.blocks import ConvBNAct, SpatialPyramid, scaled_repeats, upsampled
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, HeadDesign, NetworkEntry
from sizewise.core.specs import Size

DESIGN = HeadDesign(
    strides=(8, 16, 32),
    anchors=(
        *((12.0, 16.0), (19.0, 36.0), (40.0, 28.0)),
        *((36.0, 75.0), (76.0, 55.0), (72.0, 146.0)),
        *((142.0, 110.0), (192.0, 243.0), (459.0, 401.0)),
    ),
    masks=((0, 1, 2), (3, 4, 5), (6, 7, 8)),
    decoding="yolov4",
    paper="yolov4",
    also_above=0.213,
)


class YOLOv4(AnchorDetector):
    """CSPDarknet-53 with Mish, SPP, and a PAN with leaky ReLUs (§3.4)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, DESIGN)
        self.backbone = CSPDarknet(PLAIN, whole_start=True, width=config.width, depth=config.depth)
        _, _, fine, middle, coarse = self.backbone.channels
        pairs = scaled_repeats(2, config.depth)
        self.pyramid = Pyramid(coarse)
        self.up_middle = Up(coarse // 2, middle, pairs)
        self.up_fine = Up(middle // 2, fine, pairs)
        self.fine_head = self._head(fine)
        self.down_middle = Down(fine // 2, middle, pairs)
        self.middle_head = self._head(middle)
        self.down_coarse = Down(middle // 2, coarse, pairs)
        self.coarse_head = self._head(coarse)

    def forward(self, images: Tensor) -> list[Tensor]:
        *_, fine, middle, coarse = self.backbone(images)
        top = self.pyramid(coarse)
        between = self.up_middle(top, middle)
        bottom = self.up_fine(between, fine)
        middle = self.down_middle(bottom, between)
        coarse = self.down_coarse(middle, top)
        return [self.fine_head(bottom), self.middle_head(middle), self.coarse_head(coarse)]

    def _head(self, channels: int) -> nn.Sequential:
        return nn.Sequential(ConvBNAct(channels // 2, channels, 3), self.make_head(channels))


class Pyramid(nn.Module):
    """SPP between two triples of convolutions: [B, C, H, W] → [B, C/2, H, W]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.before = _alternating(channels, half, 1)
        self.pools = SpatialPyramid()
        self.after = _alternating(4 * half, half, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.after(self.pools(self.before(x)))
        return pooled


class Up(nn.Module):
    """A step of the neck to the next finer level, whose backbone features have ``channels``."""

    def __init__(self, above: int, channels: int, pairs: int) -> None:
        super().__init__()
        half = channels // 2
        self.reduce = ConvBNAct(above, half, 1)
        self.lateral = ConvBNAct(channels, half, 1)
        self.block = _alternating(channels, half, pairs)

    def forward(self, above: Tensor, features: Tensor) -> Tensor:
        merged = torch.cat((self.lateral(features), upsampled(self.reduce(above))), 1)
        result: Tensor = self.block(merged)
        return result


class Down(nn.Module):
    """A step of the neck to the next coarser level, which has ``channels`` / 2."""

    def __init__(self, below: int, channels: int, pairs: int) -> None:
        super().__init__()
        half = channels // 2
        self.reduce = ConvBNAct(below, half, 3, stride=2)
        self.block = _alternating(channels, half, pairs)

    def forward(self, below: Tensor, same: Tensor) -> Tensor:
        result: Tensor = self.block(torch.cat((self.reduce(below), same), 1))
        return result


def _alternating(inputs: int, half: int, pairs: int) -> nn.Sequential:
    """1×1, then ``pairs`` of 3×3, twice as wide, and 1×1."""
    blocks: list[nn.Module] = [ConvBNAct(inputs, half, 1)]
    for _ in range(pairs):
        blocks += [ConvBNAct(half, 2 * half, 3), ConvBNAct(2 * half, half, 1)]
    return nn.Sequential(*blocks)


NETWORKS = (
    NetworkEntry(
        name="yolov4",
        task="detection",
        size=Size(608, 608),
        design=DESIGN,
        strides=DESIGN.strides,
        letterbox=False,
        build=YOLOv4,
    ),
)
