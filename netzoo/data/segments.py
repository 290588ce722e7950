"""Segmentations as COCO writes them, and masks: pycocotools does the work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco_json import Rle, Segmentation


def encode_mask(mask: NDArray[np.bool_]) -> Rle:
    """``mask`` [H, W] as a compressed run-length encoding."""
    from pycocotools import mask as coco_mask

    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    height, width = mask.shape
    return Rle(size=(height, width), counts=encoded["counts"].decode("ascii"))


def segment_area(segment: Segmentation, height: int, width: int) -> float:
    """In pixels. Raises ValueError where the segmentation is malformed."""
    from pycocotools import mask as coco_mask

    return float(coco_mask.area(_to_rle(segment, height, width)))


def draw_mask(segments: Iterable[Segmentation], height: int, width: int) -> NDArray[np.uint8]:
    """The union of ``segments`` as [H, W] of 0 and 1. Raises ValueError where one is malformed."""
    from pycocotools import mask as coco_mask

    encoded = [_to_rle(segment, height, width) for segment in segments]
    if not encoded:
        return np.zeros((height, width), np.uint8)
    mask: NDArray[np.uint8] = coco_mask.decode(coco_mask.merge(encoded))
    return np.ascontiguousarray(mask)


def segment_flaw(segment: Segmentation, height: int, width: int) -> str:
    """Why ``segment`` can't belong to a picture of this size; empty where it can.

    pycocotools takes a polygon of two points for a box, and a mask of another size as it comes.
    """
    if isinstance(segment, Rle):
        if segment.size == (height, width):
            return ""
        return f"its mask is of {segment.size[0]}x{segment.size[1]}, not {height}x{width}"
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in segment):
        return "a polygon of it has fewer than three points or an odd number of coordinates"
    return ""


def _to_rle(segment: Segmentation, height: int, width: int) -> Any:
    from pycocotools import mask as coco_mask

    if not isinstance(segment, Rle):
        return coco_mask.merge(coco_mask.frPyObjects(segment, height, width))
    if isinstance(segment.counts, str):
        return {"size": list(segment.size), "counts": segment.counts.encode("ascii")}
    runs = {"size": list(segment.size), "counts": segment.counts}
    return coco_mask.frPyObjects(runs, height, width)
