"""No fusion: only the scale 1×, the baseline of all others."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from netzoo.fusions._registry import Fusion, FusionEntry


class Single(Fusion):
    """The map at 1×; no other is computed."""

    def __init__(self, _channels: int, _scales: int, _reference: int) -> None:
        super().__init__()

    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        del weights
        (only,) = maps
        return only


FUSIONS = (FusionEntry(name="single", build=Single, single=True),)
