"""Pictures put onto a canvas, with their boxes and masks.

Pixels are resampled over just the part of the picture that is seen, so that they lie where the
numbers say, to a fraction of a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netzoo.tasks.letterbox import PADDING
from sizewise.core.specs import Size

Pixels = NDArray[np.uint8]
_LEAST_PX = 2.0
"""A box that is narrower or lower shows nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """A picture, RGB [H, W, 3], with its boxes float32 [K, 4] (x0 y0 x1 y1 in its pixels), labels
    int64 [K], and mask [H, W] where there is one: 0 and 1, or the labels of classes (0: none, 255:
    nobody knows)."""

    picture: Pixels
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    mask: Pixels | None = None


@dataclass(frozen=True, kw_only=True)
class Area:
    """Pixels of a canvas, from ``left`` and ``top`` to before ``right`` and ``bottom``."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, kw_only=True)
class Placement:
    """canvas = picture × (``scale_x``, ``scale_y``) + (``left``, ``top``), after it was
    ``mirrored``; what lies outside of ``area`` is not seen."""

    scale_x: float
    scale_y: float
    left: float
    top: float
    area: Area
    mirrored: bool = False

    def seen(self, size: Size) -> Area:
        """The whole pixels of the canvas that a picture of ``size`` covers; it may have none."""
        right = self.left + self.scale_x * size.width
        bottom = self.top + self.scale_y * size.height
        return Area(
            left=max(self.area.left, math.ceil(self.left)),
            top=max(self.area.top, math.ceil(self.top)),
            right=min(self.area.right, math.floor(right)),
            bottom=min(self.area.bottom, math.floor(bottom)),
        )


def canvas_of(size: Size, *, mask: bool) -> Sample:
    """A grey picture without boxes."""
    return Sample(
        picture=np.full((size.height, size.width, 3), PADDING, np.uint8),
        boxes=np.empty((0, 4), np.float32),
        labels=np.empty(0, np.int64),
        mask=np.zeros((size.height, size.width), np.uint8) if mask else None,
    )


def placed(canvas: Sample, sample: Sample, placement: Placement, least_area: float) -> Sample:
    """``canvas`` with ``sample`` on it: the pixels of ``canvas`` are painted over, its boxes stay.
    A box of which less than ``least_area`` is seen goes."""
    height, width, _ = sample.picture.shape
    size = Size(height, width)
    area = placement.seen(size)
    if area.right <= area.left or area.bottom <= area.top:
        return canvas
    _paint(canvas.picture, sample.picture, placement, area, Image.Resampling.BILINEAR)
    if canvas.mask is not None and sample.mask is not None:
        _paint(canvas.mask, sample.mask, placement, area, Image.Resampling.NEAREST)
    boxes, keep = _moved(sample.boxes, placement, size, area, least_area)
    return Sample(
        picture=canvas.picture,
        boxes=np.concatenate([canvas.boxes, boxes[keep]]),
        labels=np.concatenate([canvas.labels, sample.labels[keep]]),
        mask=canvas.mask,
    )


def _paint(
    onto: Pixels, pixels: Pixels, placement: Placement, area: Area, how: Image.Resampling
) -> None:
    if placement.mirrored:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    height, width = pixels.shape[:2]
    part = (
        (area.left - placement.left) / placement.scale_x,
        (area.top - placement.top) / placement.scale_y,
        min((area.right - placement.left) / placement.scale_x, width),
        min((area.bottom - placement.top) / placement.scale_y, height),
    )
    extent = (area.right - area.left, area.bottom - area.top)
    # Pillow's bilinear filter widens with the reduction, so a small picture has no aliasing.
    shown = Image.fromarray(pixels).resize(extent, how, box=part)
    onto[area.top : area.bottom, area.left : area.right] = np.asarray(shown)


def _moved(
    boxes: NDArray[np.float32], placement: Placement, size: Size, area: Area, least_area: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The boxes on the canvas, cut off at what is seen, and which of them stay."""
    if placement.mirrored:
        boxes = np.stack(
            [size.width - boxes[:, 2], boxes[:, 1], size.width - boxes[:, 0], boxes[:, 3]], 1
        )
    scales = np.array([placement.scale_x, placement.scale_y] * 2)
    offsets = np.array([placement.left, placement.top] * 2)
    whole = boxes * scales + offsets
    low = np.array([area.left, area.top] * 2)
    high = np.array([area.right, area.bottom] * 2)
    left = whole.clip(low, high)
    extents, before = left[:, 2:] - left[:, :2], whole[:, 2:] - whole[:, :2]
    keep = (extents >= _LEAST_PX).all(1) & (extents.prod(1) >= least_area * before.prod(1))
    return left.astype(np.float32), keep
