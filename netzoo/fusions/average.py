"""The mean of all scales."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from netzoo.fusions._registry import Fusion, FusionEntry


class Average(Fusion):
    """The mean, without weights: equal maps give themselves."""

    def __init__(self, _channels: int, _scales: int, _reference: int) -> None:
        super().__init__()

    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        del weights
        return functools.reduce(torch.add, maps) / len(maps)


FUSIONS = (FusionEntry(name="average", build=Average),)
