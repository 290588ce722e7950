"""The choice of the scales that an image needs, before any is computed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from netzoo.blocks import ConvBNAct

THRESHOLD = 0.5
"""The least weight of a scale that a hard choice keeps."""
_HIDDEN = 16
_REDUCTION = 4
_WANTED = 1.0
"""The initial bias: every scale starts above the threshold, so that all are tried."""


class ScaleSelector(nn.Module):
    """The weight of each scale from a small copy of the image: [B, 3, H, W] → [B, N], 0–1.

    The weight of 1× is 1.
    """

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
    """The ``weights``, with 0 for each scale below the threshold."""
    return weights * (weights >= THRESHOLD)
