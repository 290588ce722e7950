"""A weight for each scale and image, predicted before any scale is computed."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from netzoo.fusions._registry import Fusion, FusionEntry


class Adaptive(Fusion):
    """The weighted mean of all maps. A scale that is not there
    (``netzoo.processor`` skips those of weight 0) has weight 0 in every image."""

    def __init__(self, _channels: int, _scales: int, _reference: int) -> None:
        super().__init__()

    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        if weights is None:
            raise ValueError("adaptive fusion needs the weights of the scales")
        shares = (weights / weights.sum(1, keepdim=True))[..., None, None, None]
        parts = [shares[:, place] * each for place, each in enumerate(maps)]
        return functools.reduce(torch.add, parts)


FUSIONS = (FusionEntry(name="adaptive", build=Adaptive, weighs=True),)
