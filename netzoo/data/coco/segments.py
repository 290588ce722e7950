"""Segmentations as COCO writes them, and masks.

pycocotools encodes masks and fills polygons, but it trusts what it is given: a mask whose runs end
early comes back from it as uninitialised memory, a polygon of two points is taken for a box, and
one with far coordinates or a long outline exhausts the memory. So runs are unrolled here and
polygons checked.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.format import Rle, Segmentation
from sizewise.core.options.limits import OUTLINE_PIXELS, RUN_LENGTH_CODE

_CONTINUES, _NEGATIVE, _VALUE = 0x20, 0x10, 0x1F
_LONGEST_NUMBER = 7
_MOST_CHARACTERS = 2**28
"""Whatever the limit: so many numbers of 35 bits can be added up in 64."""
_STEPS_A_PIXEL = 5
"""pycocotools walks along an outline in such steps."""


def encode_mask(mask: NDArray[np.bool_]) -> Rle:
    """``mask`` [H, W] as a compressed run-length encoding."""
    from pycocotools import mask as coco_mask

    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    height, width = mask.shape
    return Rle(size=(height, width), counts=encoded["counts"].decode("ascii"))


def draw_mask(segments: Iterable[Segmentation], height: int, width: int) -> NDArray[np.uint8]:
    """The union of ``segments`` as [H, W] of 0 and 1. Raises ValueError where one is malformed."""
    union = np.zeros(height * width, np.uint8)
    for segment in segments:
        for runs in _runs_of(segment, height, width):
            union |= np.repeat((np.arange(len(runs)) % 2).astype(np.uint8), runs)
    return np.ascontiguousarray(union.reshape(width, height).T)


def check_segment(segment: Segmentation, height: int, width: int) -> None:
    """Raise ValueError where :func:`draw_mask` would, without the cost of drawing."""
    if isinstance(segment, Rle):
        _checked_runs(segment, height, width)
    else:
        _check_polygons(segment, height, width)


def rle_runs(counts: str) -> NDArray[np.int64]:
    """The lengths of the runs in COCO's compressed string (rleFrString in its maskApi.c): six bits
    a character, five of them of a number, and from the fourth run on its difference to the last
    but one. Raises ValueError where it is none.
    """
    if why := RUN_LENGTH_CODE.excess(len(counts)):
        raise ValueError(f"a run-length code's {why}. {RUN_LENGTH_CODE.todo}")
    if len(counts) > _MOST_CHARACTERS:
        raise ValueError("a run-length code is too long")
    codes = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    ends = (codes & _CONTINUES) == 0
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or not ends[-1]:
        raise ValueError("the run-length code is cut off or has invalid characters")
    starts = np.flatnonzero(np.concatenate([[True], ends[:-1]]))
    lengths = np.diff(starts, append=len(codes))
    if lengths.max() > _LONGEST_NUMBER:
        raise ValueError("the run-length code has a number that is too large")
    places = np.arange(len(codes)) - np.repeat(starts, lengths)
    runs = np.add.reduceat((codes & _VALUE) << (5 * places), starts)
    runs -= np.where(codes[ends] & _NEGATIVE, 1 << (5 * lengths), 0)
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return runs


def _runs_of(segment: Segmentation, height: int, width: int) -> list[NDArray[np.int64]]:
    """Run lengths of each polygon, or of the one mask: 0s, 1s, 0s, … down the columns."""
    if not isinstance(segment, Rle):
        return _fill_polygons(segment, height, width)
    return [_checked_runs(segment, height, width)]


def _checked_runs(segment: Rle, height: int, width: int) -> NDArray[np.int64]:
    if segment.size != (height, width):
        raise ValueError(
            f"a mask is of {segment.size[0]}x{segment.size[1]}, its image {height}x{width}"
        )
    counts = segment.counts
    runs = rle_runs(counts).tolist() if isinstance(counts, str) else counts
    # Python's integers do not overflow: a sum that wraps around to the number of pixels would let
    # np.repeat write far beyond its memory.
    if not runs or min(runs) < 0 or sum(runs) != height * width:
        raise ValueError("the runs of a mask do not add up to its pixels")
    return np.array(runs, np.int64)


def _fill_polygons(polygons: list[list[float]], height: int, width: int) -> list[NDArray[np.int64]]:
    from pycocotools import mask as coco_mask

    _check_polygons(polygons, height, width)
    encoded = coco_mask.frPyObjects(polygons, height, width)
    return [rle_runs(rle["counts"].decode("ascii")) for rle in encoded]


def _check_polygons(polygons: list[list[float]], height: int, width: int) -> None:
    if not polygons:
        raise ValueError("a segmentation has no polygon")
    for polygon in polygons:
        if len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("a polygon has fewer than three points or half a point")
        points = np.array(polygon, np.float64).reshape(-1, 2)
        inside = (points >= (-width, -height)) & (points <= (2 * width, 2 * height))
        if not inside.all():
            raise ValueError("a polygon reaches far beyond its image")
        _check_outline(points)


def _check_outline(points: NDArray[np.float64]) -> None:
    """Raise ValueError for an outline that is too long: pycocotools takes memory for each step on
    it without a look at whether there is any."""
    sides = np.abs(points - np.roll(points, 1, axis=0)).max(axis=1)
    length = int(sides.sum()) + len(points) // _STEPS_A_PIXEL
    if why := OUTLINE_PIXELS.excess(length):
        raise ValueError(f"a polygon's {why}. {OUTLINE_PIXELS.todo}")
