"""How pictures become a model's input, beside the fit into its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sizewise.core.errors import UsageError

Order = Literal["rgb", "bgr", "gray"]
ORDERS: tuple[Order, ...] = ("rgb", "bgr", "gray")
_ZEROS, _ONES = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Channels in ``order``, from 0 to ``most`` (1 or 255). Before that, colours 0–1 lose ``mean``
    and are divided by ``std``, both for red, green and blue.

    Raises UsageError where a value makes no sense, and where one is of colours up to 255.
    """

    order: Order = "rgb"
    most: int = 1
    mean: tuple[float, ...] = _ZEROS
    std: tuple[float, ...] = _ONES

    def __post_init__(self) -> None:
        numbers = (*self.mean, *self.std)
        three = len(self.mean) == len(self.std) == 3
        if not three or not all(map(math.isfinite, numbers)) or min(self.std) <= 0:
            raise UsageError(
                f"Colours can't be normalized with mean {self.mean} and std {self.std}",
                "each is three numbers, for red, green and blue, and every std is above 0",
                "Give mean 0.485,0.456,0.406 and std 0.229,0.224,0.225, or leave them out.",
            )
        if max(numbers) > 1:
            raise self._of_bytes()

    def _of_bytes(self) -> UsageError:
        """The error of a mean or a std of colours up to 255, as mmdetection, Caffe and Keras
        publish them: with these, every picture would become nearly the same input."""
        said = " and ".join(
            f"{name} {_listed([one / 255 for one in numbers], ',')}"
            for name, numbers in (("mean", self.mean), ("std", self.std))
            if max(numbers) > 1
        )
        # Without a std, such models take colours up to 255 less their mean.
        usual = "0-255" if self.std == _ONES else "0-1"
        return UsageError(
            f"Mean {_listed(self.mean, ',')} and std {_listed(self.std, ',')} can't be used",
            "both are of colours of 0-1 here, whatever range the model takes, and these are of "
            "colours up to 255",
            f"Divide by 255: give {said}. Most models that were trained so take the range {usual}.",
        )

    @property
    def normalizes(self) -> bool:
        return (self.mean, self.std) != (_ZEROS, _ONES)

    def __str__(self) -> str:
        said = [self.order, f"0–{self.most}"]
        if self.normalizes:
            said += [f"mean {_listed(self.mean)}", f"std {_listed(self.std)}"]
        return ", ".join(said)


RGB = Preprocessing()
"""RGB of 0–1, which our own networks take."""


def _listed(numbers: Sequence[float], mark: str = "/") -> str:
    return mark.join(f"{one:g}" for one in numbers)
