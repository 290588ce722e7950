"""The interface of a fusion of scales, and the registry of fusions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from sizewise.core.discover import Registry


class Fusion(nn.Module, ABC):
    """Merges the maps of one level into one.

    The N maps, from the coarsest scale to the finest, are [B, C, H, W] at the size of 1×, and so is
    the result.
    """

    @abstractmethod
    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        """Merge ``maps``; ``weights`` [B, N] are for a fusion that weighs scales (FusionEntry)."""


@dataclass(frozen=True, kw_only=True)
class FusionEntry:
    """A fusion of the registry.

    ``build`` takes the channels, the number of scales and the place of 1× among them. A ``single``
    fusion uses only the map at 1×, so no other is computed. For one that ``weighs``, a small
    network gives each scale a weight for each image (``netzoo.selector``).
    """

    name: str
    build: Callable[[int, int, int], Fusion]
    single: bool = False
    weighs: bool = False


_FUSIONS: Registry[FusionEntry] = Registry("fusion", "netzoo.fusions", "FUSIONS")

fusions = _FUSIONS.all
"""All there are, by name."""

find_fusion = _FUSIONS.find
"""Raises UsageError, which lists the fusions there are."""
