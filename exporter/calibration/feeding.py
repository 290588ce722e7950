"""Feed pictures to a model in its own input format, at several sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.images import CalibrationImage, CalibrationSet
from netzoo.tasks.letterbox import Letterbox
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options import spelled
from sizewise.core.specs import ExportedModel, ImageInput, Size

Batch = tuple[Size, NDArray[Any]]

_DTYPES = ("float32", "uint8")
_PICTURES_PER_SIZE = 4
"""With at least this many pictures per size, each picture is used at one size only."""


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """The normalization of colours 0–1 that a model expects: ``(x - mean) / std``, for R, G, B."""

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        numbers = (*self.mean, *self.std)
        three = len(self.mean) == len(self.std) == 3
        if not three or not all(map(math.isfinite, numbers)) or min(self.std) <= 0:
            raise UsageError(
                f"Colours can't be normalized with mean {self.mean} and std {self.std}",
                "each is three numbers, for red, green and blue, and every std is above 0",
                f"Give {spelled('mean')} 0.485,0.456,0.406 and {spelled('std')} "
                "0.229,0.224,0.225, or leave them out.",
            )

    def __call__(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalize ``planes`` [3, H, W]."""
        if self == Normalization():
            return planes
        mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (self.mean, self.std))
        normalized: NDArray[np.float32] = (planes - mean) / std
        return normalized


@dataclass(frozen=True, kw_only=True)
class CalibrationBatches:
    """Batches of one picture each, letterboxed (or stretched, as the model's card says).

    A picture is read only when it is needed, so many passes over all of them need little memory.
    """

    model: ExportedModel
    turns: tuple[tuple[Size, CalibrationImage], ...]
    normalization: Normalization

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Batch]:
        image_input, keep_shape = self.model.image, self.model.card.letterbox
        for size, image in self.turns:
            picture = image.read()
            source = Size(*picture.shape[:2])
            planes = Letterbox.fit(source, size, keep_shape=keep_shape).apply(picture)
            yield size, _as_input(self.normalization(planes), image_input)


def calibration_batches(
    images: CalibrationSet,
    sizes: Sequence[Size],
    model: ExportedModel,
    *,
    normalization: Normalization | None = None,
    each: bool = False,
) -> CalibrationBatches:
    """Batches of all ``images``, at one size each or at every one of ``sizes``.

    With four pictures per size or more, the pictures take the sizes in turn, one size each. With
    fewer pictures, or with ``each``, every picture is fed at every size.

    A batch is [B, 3, H, W] or [B, H, W, 3], as ``model`` has it, float32 0–1 or uint8 0–255. B is
    1, or the model's fixed batch, filled with the same picture. Raises InputError where the model
    takes no pictures, UsageError where it refuses a size.
    """
    _demand_pictures(model)
    if normalization not in (None, Normalization()) and model.image.tensor.dtype == "uint8":
        raise UsageError(
            f"The colours of {model.path.name} can't be normalized",
            "it takes uint8 pixels and normalizes them itself",
            f"Leave {spelled('mean')} and {spelled('std')} out.",
        )
    for size in sizes:
        demand_size(model, size)
    if not each and len(images.images) >= _PICTURES_PER_SIZE * len(sizes):
        turns = [(sizes[k % len(sizes)], image) for k, image in enumerate(images.images)]
    else:
        turns = [(size, image) for size in sizes for image in images.images]
    return CalibrationBatches(
        model=model, turns=tuple(turns), normalization=normalization or Normalization()
    )


def _as_input(planes: NDArray[np.float32], image: ImageInput) -> NDArray[Any]:
    """Turn [3, H, W] of 0–1 into a batch of the model's dtype, layout and batch size."""
    if image.tensor.dtype == "uint8":
        values: NDArray[Any] = np.rint(planes * 255).astype(np.uint8)
    else:
        values = planes
    if not image.channels_first:
        values = values.transpose(1, 2, 0)
    return np.ascontiguousarray(np.repeat(values[np.newaxis], image.fixed_batch or 1, axis=0))


def _demand_pictures(model: ExportedModel) -> None:
    image = model.image
    if image.channels != 3 or image.tensor.dtype not in _DTYPES:
        raise InputError(
            f"{model.path.name} can't be calibrated",
            f"its input must be RGB in float32 or uint8, and it is {image.tensor}",
            f"Give a model that takes pictures, or leave {spelled('calibrate')} out.",
        )


def demand_size(model: ExportedModel, size: Size) -> None:
    """Raises UsageError where ``model`` does not take images of ``size``."""
    if why := model.refusal(size):
        raise UsageError(
            f"{model.path.name} can't be run at {size}", why, "Choose sizes that it takes."
        )
