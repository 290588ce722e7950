"""The registry of backbones: the files of this folder, and the models of timm."""

from __future__ import annotations

from netzoo.backbones._base import LEVELS, TIMM, Backbone, BackboneEntry
from sizewise.core.discover import Registry
from sizewise.core.errors import UsageError

_BACKBONES: Registry[BackboneEntry] = Registry("backbone", "netzoo.backbones", "BACKBONES")

backbones = _BACKBONES.all
"""All there are, by name; timm's come on top of them (:func:`find_backbone`)."""


def four_levels() -> list[str]:
    """The names of the backbones that can feed a pyramid."""
    return [name for name, entry in backbones().items() if entry.pyramid]


def find_backbone(name: str) -> BackboneEntry:
    """The backbone of that name; ``timm:`` and a name gives one of timm.

    Raises UsageError that lists the known backbones.
    """
    if name.startswith(TIMM):
        from netzoo.timm_backbone import timm_entry  # timm need not be installed

        return timm_entry(name)
    return _BACKBONES.find(name)


def build_four_levels(name: str, width: float = 1.0, depth: float = 1.0) -> Backbone:
    """A backbone with random weights whose last four maps are those of ``LEVELS``.

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
