"""A batch as arrays of NumPy: what crosses from a worker to the training, in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netzoo.training.loading.unreadable import Unreadable
from sizewise.core.specs import Size

_NAMES = ("pixels", "images", "labels", "boxes", "whole")


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """The images of a batch and what is in them: those of one size, without torch.

    ``pixels`` are uint8 [B, H, W, 3], RGB. ``images`` int64 [K] are the places of the boxes'
    images, ``labels`` int64 [K] and ``boxes`` float32 [K, 4] (x0 y0 x1 y1 in input pixels) theirs.
    ``whole`` int64 [B] are labels of classified images, ``masks`` uint8 [B, H, W] are 0 and 1,
    or the channel of each pixel's class. ``skipped`` are images that could not be read, each in
    whose place another one stands; they are in no file.
    """

    size: Size
    pixels: NDArray[np.uint8]
    images: NDArray[np.int64]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]
    whole: NDArray[np.int64]
    masks: NDArray[np.uint8] | None = None
    skipped: tuple[Unreadable, ...] = ()


def save_arrays(arrays: Arrays, path: Path) -> None:
    """Write them over what is in ``path``. Raises OSError."""
    with path.open("wb") as file:
        for name in _NAMES:
            np.save(file, getattr(arrays, name), allow_pickle=False)
        if arrays.masks is not None:
            np.save(file, arrays.masks, allow_pickle=False)


def load_arrays(path: Path, size: Size, *, masks: bool) -> Arrays:
    """What :func:`save_arrays` wrote, with or without ``masks``. Raises OSError and ValueError."""
    with path.open("rb") as file:
        found = {name: np.load(file, allow_pickle=False) for name in _NAMES}
        return Arrays(
            size=size, **found, masks=np.load(file, allow_pickle=False) if masks else None
        )
