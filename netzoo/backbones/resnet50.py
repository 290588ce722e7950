"""ResNet-50 without its classifier: 49 convolutions and four projections."""

from __future__ import annotations

from netzoo.backbones._base import BackboneEntry
from netzoo.backbones._resnet import CLASSIFIER, Bottleneck, ResNet

REPEATS = (3, 4, 6, 3)


def _resnet50(width: float, depth: float) -> ResNet:
    return ResNet(Bottleneck, REPEATS, width, depth)


BACKBONES = (BackboneEntry(name="resnet50", build=_resnet50, ignored=CLASSIFIER),)
