"""What a backbone is, and the registry of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from sizewise.core.discover import Registry
from sizewise.core.errors import UsageError

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


_BACKBONES: Registry[BackboneEntry] = Registry("backbone", "netzoo.backbones", "BACKBONES")

backbones = _BACKBONES.all
"""All there are, by name; timm's come on top of them (:func:`find_backbone`)."""


def four_levels() -> list[str]:
    """Names of those that can feed a pyramid."""
    return [name for name, entry in backbones().items() if entry.pyramid]


def find_backbone(name: str) -> BackboneEntry:
    """One of the registry, or with ``timm:`` before it one of timm. Raises UsageError that lists
    the backbones there are."""
    if name.startswith(TIMM):
        from netzoo.timm_backbone import timm_entry

        return timm_entry(name)
    return _BACKBONES.find(name)


def build_four_levels(name: str, width: float = 1.0, depth: float = 1.0) -> Backbone:
    """With random weights; its last four maps are those of ``LEVELS``.

    Raises UsageError, also for a backbone that has no four such maps.
    """
    backbone = find_backbone(name).build(width, depth)
    if tuple(backbone.strides[-len(LEVELS) :]) != LEVELS:
        raise UsageError(
            f"The backbone {name} can't feed a pyramid of four levels",
            f"its maps have {', '.join(map(str, backbone.strides))} pixels per cell, and "
            f"{', '.join(map(str, LEVELS))} are needed",
            "Choose another one, such as convnet.",
        )
    return backbone
