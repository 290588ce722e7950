"""Pictures as arrays that a model takes: type, channels and their order, range and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.specs import ImageInput, Preprocessing

_LUMINANCE = np.array((0.299, 0.587, 0.114), np.float32).reshape(3, 1, 1)
"""Of red, green and blue, as Pillow and OpenCV make grey of them (ITU-R BT.601)."""


def as_input(
    planes: NDArray[np.float32], image: ImageInput, preprocessing: Preprocessing
) -> NDArray[Any]:
    """Turn RGB [3, H, W] of 0–1 into [C, H, W] or [H, W, C], as ``image`` has it, without a copy
    where it is that already."""
    values = _channels(_normalized(planes, preprocessing), image, preprocessing)
    dtype = np.dtype(image.tensor.dtype)
    if dtype.kind in "ui":
        values = np.rint(values * 255).astype(dtype)
    elif preprocessing.most != 1:
        values = values * np.float32(preprocessing.most)
    if not image.channels_first:
        values = values.transpose(1, 2, 0)
    return np.ascontiguousarray(values, dtype)


def noise_as_input(
    noise: NDArray[np.float32], image: ImageInput, preprocessing: Preprocessing
) -> NDArray[Any]:
    """Turn noise of 0–1 [B, C, H, W] into what ``image``, of as many channels, is given of such
    pictures. Of an input that takes no pictures, nothing but the range is known."""
    how = Preprocessing(most=preprocessing.most) if misfit(image, preprocessing) else preprocessing
    return np.stack([as_input(one, image, how) for one in noise])


def misfit(image: ImageInput, preprocessing: Preprocessing) -> str:
    """Why pictures can't be given so to ``image``; empty where they can."""
    if why := image.refuses_pictures:
        return why
    if image.tensor.dtype == "uint8" and preprocessing.normalizes:
        return "it takes uint8 pixels and normalizes them itself"
    if (image.channels == 1) < (preprocessing.order == "gray"):
        return f"it takes {image.channels} channels, and gray has one"
    return ""


def _normalized(planes: NDArray[np.float32], how: Preprocessing) -> NDArray[np.float32]:
    if not how.normalizes:
        return planes
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (how.mean, how.std))
    normalized: NDArray[np.float32] = (planes - mean) / std
    return normalized


def _channels(
    planes: NDArray[np.float32], image: ImageInput, how: Preprocessing
) -> NDArray[np.float32]:
    if image.channels == 1 and len(planes) > 1:
        grey: NDArray[np.float32] = (planes * _LUMINANCE).sum(axis=0, keepdims=True)
        return grey
    return planes[::-1] if how.order == "bgr" else planes
