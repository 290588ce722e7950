"""The common part of backbones with weights trained on ImageNet."""

from __future__ import annotations

import math

from torch import nn

from netzoo.backbones._base import Backbone


class ImageNetBackbone(Backbone):
    """Four maps at strides 4, 8, 16 and 32; its modules are named as timm names its tensors, so
    that timm's weights load as they are."""

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)


def initialise(module: nn.Module) -> None:
    """Initialise ``module`` for training from random weights, in place.

    Convolutions are normal over their fan-out (He et al. 2015), linear layers normal with deviation
    0.02 (PVT v2, EdgeNeXt), biases 0.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan_out = part.weight[0, 0].numel() * part.out_channels // part.groups
            nn.init.normal_(part.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
        if isinstance(part, nn.Conv2d | nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
