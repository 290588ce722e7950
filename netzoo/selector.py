"""Which scales an image needs, told from a small copy of it before any of them is computed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from netzoo.blocks import ConvBNAct

THRESHOLD = 0.5
"""A scale whose weight is lower is left out where the choice is a hard one."""
_HIDDEN = 16
_REDUCTION = 4
_WANTED = 1.0
"""Every scale starts above the threshold (a sigmoid of 1), or the others would never be tried."""


class ScaleSelector(nn.Module):
    """[B, 3, H, W] → the weight of each scale, [B, N], 0–1; that of 1× is 1."""

    def __init__(self, scales: int, reference: int) -> None:
        super().__init__()
        self.reference = reference
        self.features = nn.Sequential(
            ConvBNAct(3, _HIDDEN, 3, stride=2, activation=nn.ReLU),
            ConvBNAct(_HIDDEN, _HIDDEN, 3, stride=2, activation=nn.ReLU),
        )
        self.weigh = nn.Linear(_HIDDEN, scales - 1)
        nn.init.constant_(self.weigh.bias, _WANTED)

    def forward(self, images: Tensor) -> Tensor:
        features = self.features(functional.avg_pool2d(images, _REDUCTION))
        others = self.weigh(features.mean((2, 3))).sigmoid()
        own = torch.ones_like(others[:, :1])
        return torch.cat((others[:, : self.reference], own, others[:, self.reference :]), 1)


def chosen(weights: Tensor) -> Tensor:
    """``weights`` with 0 for each scale that is left out."""
    return weights * (weights >= THRESHOLD)
