"""Masks as files beside the pictures: PNG whose pixels are numbers of classes, or white objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import UnidentifiedImageError

from netzoo.data.masks.label_maps import LEFT_OUT, is_background
from netzoo.data.pictures.opening import BROKEN, TooManyPixelsError, opened_image
from sizewise.core.errors import InputError
from sizewise.core.options.limits import PICTURE_PIXELS

NAMES_FILE = "classes.txt"
"""One name a line: line i names the value i, from 0."""
_LEFT_OUT_NAMES = ("ignore", "void")
_USUAL_LEFT_OUT = 255
_WHITE = 255
_FORMATS = ("BMP", "PNG", "TIFF")
"""Without loss: JPEG changes numbers."""
_UNUSABLE = (*BROKEN, TooManyPixelsError)


@dataclass(frozen=True, kw_only=True)
class IndexMask:
    """A file of one mask.

    ``labels`` are those of its values from 0 (``netzoo.data.masks.label_maps``); empty where values
    are not named: objects are then white (255) or 1, and the rest is 0.
    """

    path: Path
    labels: tuple[int, ...] = ()

    def read(self, height: int, width: int) -> NDArray[np.int32]:
        """The label of each pixel [H, W]. Raises InputError where the file can't be used."""
        values = _decode(self.path)
        if values.shape != (height, width):
            raise _refusal(
                self.path,
                f"it is {values.shape[0]}x{values.shape[1]} pixels (height x width), its picture "
                f"{height}x{width}",
                "Give a mask of the picture's own size.",
            )
        return self._classes(values) if self.labels else self._objects(values)

    def _classes(self, values: NDArray[np.int32]) -> NDArray[np.int32]:
        table = np.full(max(len(self.labels), _USUAL_LEFT_OUT + 1), LEFT_OUT, np.int32)
        table[: len(self.labels)] = self.labels
        unknown = (values >= len(self.labels)) & (values != _USUAL_LEFT_OUT)
        if unknown.any():
            raise _refusal(
                self.path,
                f"it has the value {values[unknown][0]}, and {NAMES_FILE} names the values 0 to "
                f"{len(self.labels) - 1}",
                f"Add a line for it; values called {' or '.join(_LEFT_OUT_NAMES)} are left out.",
            )
        labels: NDArray[np.int32] = table[values]
        return labels

    def _objects(self, values: NDArray[np.int32]) -> NDArray[np.int32]:
        objects = 1 if values.max(initial=0) == 1 else _WHITE
        other = (values != 0) & (values != objects)
        if other.any():
            raise _refusal(
                self.path,
                f"it has the value {values[other][0]}, and without a {NAMES_FILE} white (255) or 1 "
                "is an object and 0 is none",
                f"Where values are numbers of classes, name these in {NAMES_FILE}, one a line "
                "from 0; else make the mask black and white.",
            )
        found: NDArray[np.int32] = (values == objects).astype(np.int32)
        return found


def labels_of_values(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The classes among the names of the values, and the label of each value."""
    taken = [name for name in names if not is_background(name) and not _is_left_out(name)]
    classes = tuple(dict.fromkeys(taken))
    label_of = {name: label for label, name in enumerate(classes, start=1)}
    return classes, tuple(
        LEFT_OUT if _is_left_out(name) else label_of.get(name, 0) for name in names
    )


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of an image, without decoding it. Raises InputError."""
    try:
        with opened_image(path, _FORMATS) as image:
            return image.height, image.width
    except _UNUSABLE as error:
        raise _unreadable(path, error) from error


def _is_left_out(name: str) -> bool:
    return name.lower() in _LEFT_OUT_NAMES


def _decode(path: Path) -> NDArray[np.int32]:
    """The values [H, W] as they stand in the file: of a palette the numbers, not the colours."""
    try:
        with opened_image(path, _FORMATS) as image:
            image.load()
            values = np.asarray(image)
    except _UNUSABLE as error:
        raise _unreadable(path, error) from error
    if values.ndim == 3 and (values[..., :3] == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "uib":
        raise _refusal(
            path,
            "its pixels are colours",
            "Give masks of one channel (grey or a palette) whose values are numbers of classes.",
        )
    return values.astype(np.int32)


def _unreadable(path: Path, error: Exception) -> InputError:
    why = f"it is none of {', '.join(_FORMATS)}, or broken"
    if isinstance(error, TooManyPixelsError):
        return _refusal(path, str(error), f"Make it smaller. {PICTURE_PIXELS.todo}")
    if not isinstance(error, UnidentifiedImageError):
        why = getattr(error, "strerror", "") or str(error) or type(error).__name__
    return _refusal(path, why, "Convert it to PNG, or replace it.")


def _refusal(path: Path, why: str, todo: str) -> InputError:
    return InputError(f"The mask {path} can't be used", why, todo)
