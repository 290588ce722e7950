"""Maps of classes: the label of each pixel of a picture.

0 is the background (no class), and class i of a data set has the label i + 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.format import Segmentation
from netzoo.data.coco.segments import draw_mask

BACKGROUND = "background"
LEFT_OUT = -1
"""The label of pixels that count for nothing."""


def is_background(name: str) -> bool:
    """Whether a class of this name is none: ``background``, ``__background__``."""
    return name.strip("_ ").lower() == BACKGROUND


def draw_labels(
    segments: Sequence[Segmentation], labels: Sequence[int], height: int, width: int
) -> NDArray[np.int32]:
    """The label of each pixel [H, W], where segment i is of class ``labels[i]``.

    Pixels of several classes are left out: the annotations do not say which lies on top. Raises
    ValueError where a segment is malformed.
    """
    found = np.zeros((height, width), np.int32)
    for label in sorted(set(labels)):
        own = [one for one, of in zip(segments, labels, strict=True) if of == label]
        inside = draw_mask(own, height, width) > 0
        found[inside] = np.where(found[inside] == 0, label + 1, LEFT_OUT)
    return found
