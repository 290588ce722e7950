"""The interface of a backbone, and its entry in the registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

LEVELS = (4, 8, 16, 32)
"""Pixels per cell of the four maps that a pyramid is made of."""
TIMM = "timm:"
"""What names begin with that timm knows."""

Channels = tuple[float, float, float]


class Backbone(nn.Module, ABC):
    """[B, 3, H, W], 0–1 → a map for each of ``strides``, coarser and coarser; ``channels`` are
    theirs. Its weights expect each colour less ``mean`` and over ``std``: whoever calls it sees to
    that."""

    strides: Sequence[int] = LEVELS
    channels: Sequence[int]
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]: ...

    def renamed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Those of published weights by the names they have here."""
        return dict(tensors)


@dataclass(frozen=True, kw_only=True)
class BackboneEntry:
    """A backbone of the registry; ``pyramid`` says that it has the four maps of ``LEVELS`` (tried
    when it is built). ``build`` takes the multipliers of width and depth, and
    ``ignored`` are the first words, up to a dot, of tensors that its published weights have
    beside it: the classifier's."""

    name: str
    build: Callable[[float, float], Backbone]
    ignored: tuple[str, ...] = ()
    pyramid: bool = True
