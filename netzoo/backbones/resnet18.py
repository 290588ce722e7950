"""ResNet-18 without its classifier: 17 convolutions and three projections."""

from __future__ import annotations

from netzoo.backbones._base import BackboneEntry
from netzoo.backbones._resnet import CLASSIFIER, BasicBlock, ResNet

REPEATS = (2, 2, 2, 2)


def _resnet18(width: float, depth: float) -> ResNet:
    return ResNet(BasicBlock, REPEATS, width, depth)


BACKBONES = (BackboneEntry(name="resnet18", build=_resnet18, ignored=CLASSIFIER),)
