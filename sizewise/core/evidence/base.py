"""What all evidence has in common: images, and metrics over a weighted choice of them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sizewise.core.evidence.resampling import RESAMPLES, Resampled, resample

Column = NDArray[Any]
Weights = NDArray[np.float64]
"""How many times each image is taken, whole numbers: [resamples, images]."""

MOST_IMAGES = 2**17
MOST_ROWS = 2**21
"""Of any other column: detections or objects, of all images together."""


class FlawError(Exception):
    """Why columns are no evidence."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence(ABC):
    """Columns of numbers for ``count`` images, in the order of their ids.

    ``images`` is a hash of these ids. Of two engines with equal ``images``, image i is the same
    one. A subclass adds its columns as fields, and declares their types.
    """

    count: int
    images: str

    task: ClassVar[str]
    types: ClassVar[Mapping[str, str]]
    """The columns by name, and the type that they are stored as (NumPy's code, little-endian)."""

    @abstractmethod
    def metrics(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        """The task's metrics (0–1) by name [resamples], over the images in each row of ``weights``.
        NaN where a metric is not defined: without any object, say."""

    @abstractmethod
    def _check(self) -> None:
        """Raise FlawError where the columns do not fit each other."""

    @property
    def resamples(self) -> int:
        """How many resamples an interval is made of: the same of all engines on the same images."""
        return RESAMPLES

    @cached_property
    def resampled(self) -> Resampled:
        """The metrics over resamples of the images, made once."""
        return resample(self.metrics, self.count, self.resamples)

    def shows_images_of(self, other: Evidence) -> bool:
        """Whether both are of the same images of one task."""
        mine, theirs = (self.task, self.count, self.images), (other.task, other.count, other.images)
        return mine == theirs

    @property
    def fits(self) -> bool:
        """Whether it is small enough to be stored."""
        rows = max(len(column) for column in self.columns().values())
        return self.count <= MOST_IMAGES and rows <= MOST_ROWS

    def columns(self) -> dict[str, Column]:
        """The columns by name, in the types that they are stored as."""
        return {name: np.asarray(getattr(self, name), kind) for name, kind in self.types.items()}

    @classmethod
    def of_columns(cls, count: int, images: str, columns: Mapping[str, Column]) -> Self:
        """The inverse of :meth:`columns`. Raises FlawError where they can't be evidence."""
        if columns.keys() != cls.types.keys():
            raise FlawError(f"it has the columns {', '.join(columns) or 'none'}")
        if not 1 <= count <= MOST_IMAGES:
            raise FlawError(f"it is of {count} images")
        if max(len(column) for column in columns.values()) > MOST_ROWS:
            raise FlawError(f"it has more than {MOST_ROWS} rows")
        evidence = cls(count=count, images=images, **columns)
        evidence._check()
        return evidence


def demand_length(columns: Iterable[Column], length: int) -> None:
    """Raise FlawError where a column has another length."""
    if any(len(column) != length for column in columns):
        raise FlawError("its columns differ in length")


def images_hash(ids: Iterable[int]) -> str:
    """The hash of images with these ids, in this order (SHA-256 in hexadecimal)."""
    return hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()


def shares_of(
    parts: NDArray[np.float64], wholes: NDArray[np.float64], *, without: float = np.nan
) -> NDArray[np.float64]:
    """``parts`` over ``wholes``; ``without`` where a whole is 0."""
    shares: NDArray[np.float64] = np.divide(
        parts, wholes, out=np.full(np.shape(wholes), without), where=np.asarray(wholes) > 0
    )
    return shares
