"""One training image, changed at random: moved, mirrored, recoloured, and mixed with others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from netzoo.training.augmenting.colours import recoloured
from netzoo.training.augmenting.placing import Area, Pixels, Placement, Sample, canvas_of, placed
from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.class_masks import UNKNOWN
from sizewise.core.specs import Size

_BLEND = 32.0
"""Of Beta(32, 32): both pictures of a mix are seen about alike (Zhang et al. 2018, mixup)."""
_MIDDLE = (0.3, 0.7)
"""Where four pictures of a mosaic meet before it is moved, as a share of the canvas."""


@dataclass(frozen=True, kw_only=True)
class Augmenter:
    """``others`` gives a sample at random, ``keep_shape`` is that of a letterbox."""

    size: Size
    settings: Augmentation
    others: Callable[[np.random.Generator], Sample]
    keep_shape: bool = True

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """A sample of ``size``, all of whose boxes lie in it."""
        settings = self.settings
        found = self._one(sample, rng)
        if rng.random() < settings.copy_paste and found.mask is not None:
            found = _pasted(found, self._one(self.others(rng), rng))
        if rng.random() < settings.mix_up:
            found = _blended(found, self._one(self.others(rng), rng), rng.beta(_BLEND, _BLEND))
        return replace(
            found,
            picture=recoloured(
                found.picture,
                hue=_around_one(settings.hue, rng),
                saturation=_around_one(settings.saturation, rng),
                value=_around_one(settings.value, rng),
            ),
        )

    def _one(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if rng.random() >= self.settings.mosaic:
            return self._alone(sample, rng)
        return self._mosaic([sample, *(self.others(rng) for _ in range(3))], rng)

    def _alone(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The picture about where a letterbox puts it."""
        size, most = self.size, self.settings.translate
        placement = self._placement(sample, rng, self._everywhere)
        height, width, _ = sample.picture.shape
        moved = replace(
            placement,
            left=(size.width * (1 + rng.uniform(-most, most) * 2) - placement.scale_x * width) / 2,
            top=(size.height * (1 + rng.uniform(-most, most) * 2) - placement.scale_y * height) / 2,
        )
        return self._put([(sample, moved)])

    def _mosaic(self, samples: list[Sample], rng: np.random.Generator) -> Sample:
        """Four pictures around a point, each in its quarter (Bochkovskiy et al. 2020, YOLOv4), and
        all of it moved, as Scaled-YOLOv4 does: where they meet may lie beyond the border."""
        most = self.settings.translate
        x, y = (
            round(side * (rng.uniform(*_MIDDLE) + rng.uniform(-most, most)))
            for side in (self.size.width, self.size.height)
        )
        middle, half = min(max(x, 0), self.size.width), min(max(y, 0), self.size.height)
        parts = []
        for number, sample in enumerate(samples):
            below, right = divmod(number, 2)
            area = Area(
                left=middle if right else 0,
                top=half if below else 0,
                right=self.size.width if right else middle,
                bottom=self.size.height if below else half,
            )
            placement = self._placement(sample, rng, area)
            height, width, _ = sample.picture.shape
            at = replace(
                placement,
                left=x if right else x - placement.scale_x * width,
                top=y if below else y - placement.scale_y * height,
            )
            parts.append((sample, at))
        return self._put(parts)

    @property
    def _everywhere(self) -> Area:
        return Area(left=0, top=0, right=self.size.width, bottom=self.size.height)

    def _placement(self, sample: Sample, rng: np.random.Generator, area: Area) -> Placement:
        """Scaled and perhaps mirrored, at no place yet."""
        height, width, _ = sample.picture.shape
        scale_x, scale_y = self.size.width / width, self.size.height / height
        if self.keep_shape:
            scale_x = scale_y = min(scale_x, scale_y)
        scale = _around_one(self.settings.scale, rng)
        return Placement(
            scale_x=scale_x * scale,
            scale_y=scale_y * scale,
            left=0.0,
            top=0.0,
            area=area,
            mirrored=rng.random() < self.settings.flip,
        )

    def _put(self, parts: list[tuple[Sample, Placement]]) -> Sample:
        found = canvas_of(self.size, mask=any(sample.mask is not None for sample, _ in parts))
        for sample, placement in parts:
            found = placed(found, sample, placement, self.settings.least_area)
        return found


def _around_one(most: float, rng: np.random.Generator) -> float:
    return 1 + rng.uniform(-most, most) if most else 1.0


def _blended(one: Sample, other: Sample, share: float) -> Sample:
    """Both pictures through each other, with the boxes of both; a mask is that of either, and where
    these differ in their classes, nobody knows."""
    mixed = share * one.picture.astype(np.float32) + (1 - share) * other.picture
    masks = [mask for mask in (one.mask, other.mask) if mask is not None]
    return Sample(
        picture=mixed.round().astype(np.uint8),
        boxes=np.concatenate([one.boxes, other.boxes]),
        labels=np.concatenate([one.labels, other.labels]),
        mask=functools.reduce(_either, masks) if masks else None,
    )


def _either(one: Pixels, other: Pixels) -> Pixels:
    alone = (one == 0) | (other == 0) | (one == other)
    return np.where(alone, np.maximum(one, other), UNKNOWN).astype(np.uint8)


def _pasted(onto: Sample, other: Sample) -> Sample:
    """What the mask of ``other`` covers, over ``onto`` (Ghiasi et al. 2021, Copy-Paste)."""
    if onto.mask is None or other.mask is None:
        return onto
    covered = (other.mask > 0) & (other.mask != UNKNOWN)
    return replace(
        onto,
        picture=np.where(covered[..., None], other.picture, onto.picture),
        mask=np.where(covered, other.mask, onto.mask),
    )
