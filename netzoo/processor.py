"""The MultiScaleInputProcessor: a pyramid of each scale of a picture, merged into one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from netzoo.backbones._base import LEVELS
from netzoo.fusions._registry import find_fusion
from netzoo.scales import STRIDE, Scales
from netzoo.selector import ScaleSelector, chosen
from netzoo.trunk import Pyramid, Trunk
from netzoo.zoo.config import MultiscaleConfig
from sizewise.core.errors import UsageError

Visitor = Callable[[int, Pyramid], object]
"""A callable that takes the place of a scale and its pyramid."""


class MultiScaleInputProcessor(nn.Module):
    """[B, 3, H, W], 0–1, multiples of 32 → four merged maps, at the sizes of those of 1×.

    How it is computed does not change the result. ``sequential`` brings each pyramid to the size
    of 1× before the next one is computed, the largest first; otherwise all pyramids are there at
    once. With ``warming_up``, 1× stands for all. ``selecting`` makes the choice of a fusion that
    weighs scales a hard one in evaluation mode: what an image does not need is not computed for it.
    (A graph can't leave anything out: deployed, all scales are computed and weighted.)

    ``last_weights`` [B, N] are those of the last training step, where the fusion weighs scales.

    Raises UsageError for a configuration that can't be built.
    """

    def __init__(self, config: MultiscaleConfig, width: float, depth: float) -> None:
        super().__init__()
        entry = find_fusion(config.fusion)
        self.scales = scales = Scales((1.0,)) if entry.single else config.pyramid
        count, reference = len(scales.factors), scales.reference
        if count == 1 and not entry.single:
            raise UsageError(
                f"The fusion {config.fusion} can't merge one scale",
                "there is only 1 in the list",
                "Give more scales, such as 0.5,1,1.5; or choose the fusion single.",
            )
        self.trunk = Trunk(config.backbones_of(scales), reference, width, depth)
        self.fusions = nn.ModuleList(
            entry.build(channels, count, reference) for channels in self.trunk.channels
        )
        self.selector = ScaleSelector(count, reference) if entry.weighs else None
        self.sequential = self.warming_up = False
        self.selecting = True
        self.last_weights: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy has no weights of a step: they hang on its gradients, and can't be copied."""
        return self.__dict__ | {"last_weights": None}

    @property
    def places(self) -> range:
        """The places of all scales."""
        return range(len(self.scales.factors))

    def forward(self, images: Tensor, visit: Visitor | None = None) -> Pyramid:
        """Merge the pyramids of all scales; ``visit`` gets each one computed, at its own size."""
        seen = visit or _ignore
        if self.warming_up:
            return self._look(images, self.scales.reference, seen)
        weights = self.selector(images) if self.selector else None
        if self.training:
            self.last_weights = weights
        if weights is not None and self.selecting and not self.training:
            weights = chosen(weights)
            maps = [self._where_chosen(images, place, weights, seen) for place in self.places]
        elif self.sequential:
            backwards = [self._fitted(images, place, seen) for place in reversed(self.places)]
            maps = backwards[::-1]
        else:
            pyramids = [self._look(images, place, seen) for place in self.places]
            maps = [self._fit(pyramids[place], images, place) for place in self.places]
        levels = zip(self.fusions, *maps, strict=True)
        return [fusion(list(level), weights) for fusion, *level in levels]

    def features(self, images: Tensor) -> dict[str, Pyramid]:
        """The pyramid of each computed scale, by the name of the scale."""
        found: dict[int, Pyramid] = {}
        self(images, found.__setitem__)
        return {self.scales.names[place]: found[place] for place in sorted(found)}

    def _look(self, images: Tensor, place: int, seen: Visitor) -> Pyramid:
        """The pyramid of a scale at its own size."""
        size = [self.scales.scaled(side, place) for side in images.shape[-2:]]
        if place != self.scales.reference:
            images = functional.interpolate(images, size=size, mode="bilinear")
        pyramid: Pyramid = self.trunk(images, place)
        seen(place, pyramid)
        return pyramid

    def _fit(self, pyramid: Pyramid, images: Tensor, place: int) -> Pyramid:
        """Resize a pyramid to the size of 1×."""
        if place == self.scales.reference:
            return pyramid
        rows, columns = (side // STRIDE for side in images.shape[-2:])
        cells = [STRIDE // stride for stride in LEVELS]
        return [
            functional.interpolate(level, size=[rows * per, columns * per], mode="bilinear")
            for level, per in zip(pyramid, cells, strict=True)
        ]

    def _fitted(self, images: Tensor, place: int, seen: Visitor) -> Pyramid:
        return self._fit(self._look(images, place, seen), images, place)

    def _where_chosen(self, images: Tensor, place: int, weights: Tensor, seen: Visitor) -> Pyramid:
        """The pyramid of a scale, with zeros for images that do not need it."""
        needed = weights[:, place] > 0
        if not needed.any():
            return [images.new_zeros(1)] * len(LEVELS)
        found = self._fitted(images[needed], place, seen)
        if needed.all():
            return found
        return [_spread(level, needed) for level in found]


def _spread(level: Tensor, needed: Tensor) -> Tensor:
    whole = level.new_zeros(len(needed), *level.shape[1:])
    whole[needed] = level
    return whole


def _ignore(_place: int, _pyramid: Pyramid) -> None:
    """The visitor that ignores the pyramids."""
