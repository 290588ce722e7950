"""The interface of a backbone, and its entry in the registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

LEVELS = (4, 8, 16, 32)
"""Pixels per cell of the four maps that a pyramid is made of."""
TIMM = "timm:"
"""The prefix of names of timm's models."""

Channels = tuple[float, float, float]


class Backbone(nn.Module, ABC):
    """A backbone: [B, 3, H, W], 0–1 → one map for each of ``strides``, from fine to coarse.

    ``channels`` are those of the maps. The weights expect normalized colours, ``(x - mean) / std``,
    and the caller normalizes them.
    """

    strides: Sequence[int] = LEVELS
    channels: Sequence[int]
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]: ...

    def renamed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Published weights by the names that they have here."""
        return dict(tensors)


@dataclass(frozen=True, kw_only=True)
class BackboneEntry:
    """A backbone of the registry.

    ``build`` takes the multipliers of width and depth. ``pyramid`` says that it has the four maps
    of ``LEVELS`` (checked when it is built). ``ignored`` are the first words, up to a dot, of
    tensors that only its published weights have: the classifier's.
    """

    name: str
    build: Callable[[float, float], Backbone]
    ignored: tuple[str, ...] = ()
    pyramid: bool = True
