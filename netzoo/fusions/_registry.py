"""What a fusion of scales is, and the registry of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from sizewise.core.discover import Registry


class Fusion(nn.Module, ABC):
    """Merges the maps of one level: those of N scales, from the coarsest to the finest, each
    [B, C, H, W] at the size of the picture's own scale, into one of that shape."""

    @abstractmethod
    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        """``weights`` [B, N] are those of a fusion that weighs scales (see FusionEntry)."""


@dataclass(frozen=True, kw_only=True)
class FusionEntry:
    """A fusion of the registry. ``build`` takes the channels, how many scales there are and the
    place of 1× among them. ``single`` uses the map at 1× alone, so no other is computed;
    ``weighs``: a small network gives each scale a weight, image by image
    (``netzoo.selector``)."""

    name: str
    build: Callable[[int, int, int], Fusion]
    single: bool = False
    weighs: bool = False


_FUSIONS: Registry[FusionEntry] = Registry("fusion", "netzoo.fusions", "FUSIONS")

fusions = _FUSIONS.all
"""All there are, by name."""

find_fusion = _FUSIONS.find
"""Raises UsageError, which lists the fusions there are."""
