"""Pictures as a model takes them, at several input sizes."""

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
from sizewise.core.specs import ExportedModel, ImageInput, Size

Batch = tuple[Size, NDArray[Any]]

_DTYPES = ("float32", "uint8")
_PICTURES_PER_SIZE = 4
"""As many at least see each size before a picture is spared the other sizes."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What a model wants of its colours, of 0–1: ``(x - mean) / std``, three numbers each."""

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        numbers = (*self.mean, *self.std)
        three = len(self.mean) == len(self.std) == 3
        if not three or not all(map(math.isfinite, numbers)) or min(self.std) <= 0:
            raise UsageError(
                f"Colours can't be scaled by mean {self.mean} and std {self.std}",
                "each is three numbers for red, green and blue, and no deviation is 0 or below",
                "Give --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225, or leave them out.",
            )

    def __call__(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """``planes`` [3, H, W]."""
        if self == Scaling():
            return planes
        mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (self.mean, self.std))
        scaled: NDArray[np.float32] = (planes - mean) / std
        return scaled


@dataclass(frozen=True, kw_only=True)
class CalibrationBatches:
    """One picture at a time, letterboxed (or stretched, as the model's card says).

    Each is read when its turn comes, so they can be gone through many times in little memory.
    """

    model: ExportedModel
    turns: tuple[tuple[Size, CalibrationImage], ...]
    scaling: Scaling

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Batch]:
        image_input, keep_shape = self.model.image, self.model.card.letterbox
        for size, image in self.turns:
            picture = image.read()
            source = Size(*picture.shape[:2])
            planes = Letterbox.fit(source, size, keep_shape=keep_shape).apply(picture)
            yield size, _as_input(self.scaling(planes), image_input)


def calibration_batches(
    images: CalibrationSet,
    sizes: Sequence[Size],
    model: ExportedModel,
    *,
    scaling: Scaling | None = None,
    each: bool = False,
) -> CalibrationBatches:
    """Every picture at one of ``sizes``, by turns, where there are four pictures for each size or
    more and ``each`` does not ask otherwise; else every picture at every size.

    A batch is [B, 3, H, W] or [B, H, W, 3] as ``model`` has it, float32 of 0–1 or uint8 of 0–255;
    B is 1, or the model's fixed batch, filled with the same picture. Raises InputError where the
    model takes no pictures, UsageError where it does not take a size.
    """
    _demand_pictures(model)
    if scaling not in (None, Scaling()) and model.image.tensor.dtype == "uint8":
        raise UsageError(
            f"The colours of {model.path.name} can't be scaled",
            "it takes bytes, and scales them itself",
            "Leave --mean and --std out.",
        )
    for size in sizes:
        demand_size(model, size)
    if not each and len(images.images) >= _PICTURES_PER_SIZE * len(sizes):
        turns = [(sizes[k % len(sizes)], image) for k, image in enumerate(images.images)]
    else:
        turns = [(size, image) for size in sizes for image in images.images]
    return CalibrationBatches(model=model, turns=tuple(turns), scaling=scaling or Scaling())


def _as_input(planes: NDArray[np.float32], image: ImageInput) -> NDArray[Any]:
    """[3, H, W] of 0–1 → a batch of the model's type, layout and length."""
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
            f"pictures are given as RGB, float32 or uint8, and the model takes {image.tensor}",
            "Give a model that takes pictures, or leave the calibration out.",
        )


def demand_size(model: ExportedModel, size: Size) -> None:
    """Raises UsageError where ``model`` does not take images of ``size``."""
    if why := model.refusal(size):
        raise UsageError(
            f"{model.path.name} can't be run at {size}", why, "Choose sizes that it takes."
        )
