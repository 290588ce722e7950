"""The backbone that all scales share, or one for each, as four levels of equal channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netzoo.backbones._base import LEVELS, Backbone
from netzoo.backbones._registry import build_four_levels
from netzoo.blocks import ConvBNAct
from netzoo.training.loop.recomputing import recomputed

Pyramid = list[Tensor]
"""The maps of one scale at 4, 8, 16 and 32 pixels per cell."""


class Trunk(nn.Module):
    """The pyramid of one scale from its images [B, 3, H, W], 0–1.

    ``channels`` are those of the backbone of scale ``reference``; where another scale has others,
    a 1×1 convolution adapts them.

    With ``checkpointing``, a backbone's inner values are computed again in the backward pass.
    Raises UsageError for backbones that are unknown or without four levels.
    """

    def __init__(self, names: Sequence[str], reference: int, width: float, depth: float) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(build_four_levels(name, width, depth) for name in names)
        self.channels = list(self.backbone(reference).channels[-len(LEVELS) :])
        self.adapters = nn.ModuleList(_adapters(b, self.channels) for b in self._all())
        self.checkpointing = False
        for number, backbone in enumerate(self._all()):
            colours = torch.tensor([backbone.mean, backbone.std])[..., None, None]
            self.register_buffer(f"colours_{number}", colours, persistent=False)

    def forward(self, images: Tensor, scale: int) -> Pyramid:
        place = scale % len(self.backbones)
        backbone, adapters = self._all()[place], self.adapters[place]
        mean, std = self.get_buffer(f"colours_{place}")
        if any(backbone.mean) or set(backbone.std) != {1.0}:
            images = (images - mean) / std
        keep = not (self.checkpointing and self.training)
        maps = backbone(images) if keep else recomputed(backbone, images)
        levels = maps[-len(LEVELS) :]
        assert isinstance(adapters, nn.ModuleList)  # noqa: S101
        return [adapter(level) for adapter, level in zip(adapters, levels, strict=True)]

    def backbone(self, scale: int) -> Backbone:
        """The backbone of that scale."""
        return self._all()[scale % len(self.backbones)]

    def _all(self) -> list[Backbone]:
        return [part for part in self.backbones if isinstance(part, Backbone)]


def _adapters(backbone: Backbone, channels: Sequence[int]) -> nn.ModuleList:
    own = backbone.channels[-len(LEVELS) :]
    return nn.ModuleList(
        nn.Identity() if mine == wanted else ConvBNAct(mine, wanted, 1, activation=nn.ReLU)
        for mine, wanted in zip(own, channels, strict=True)
    )
