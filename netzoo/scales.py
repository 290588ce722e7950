"""The scales at which a network sees a picture, and the sizes that they give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

STRIDE = 32
"""Pixels per cell of a pyramid's coarsest map: every scaled size is a multiple of it."""
_FINEST_FRACTION = 1000
_LEAST, _MOST = Fraction(1, 16), Fraction(4)
_TODO = "Give ascending factors with 1 among them, such as 0.5,1,1.5."


@dataclass(frozen=True)
class Scales:
    """Ascending factors of height and width, 1 among them.

    A scaled side is rounded **up** to the stride: 352 gives 192, 352 and 544 at 0.5, 1 and 1.5.
    (Rounding down would turn 1.5 into 1.45 and a small side at 0.5 into nothing.) It is computed
    from whole numbers alone, so that an exported graph follows its input.

    Raises UsageError for any other list.
    """

    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        if why := _flaw(self.factors):
            listed = ", ".join(f"{factor:g}" for factor in self.factors) or "none"
            raise UsageError(f"The scales {listed} can't be used", why, _TODO)

    @classmethod
    def parse(cls, text: str) -> Scales:
        """Scales from text such as ``0.5,1,1.5``."""
        try:
            return cls(tuple(float(part) for part in text.split(",")))
        except ValueError as error:
            raise UsageError(f"{text!r} is no list of scales", str(error), _TODO) from error

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scales, such as ``0.5x``."""
        return tuple(f"{factor:g}x" for factor in self.factors)

    @property
    def reference(self) -> int:
        """The place of the factor 1."""
        return self.factors.index(1)

    @property
    def least_side(self) -> int:
        """The shortest side in pixels of which one stride is left at every scale."""
        return STRIDE * math.ceil(1 / _fraction(min(self.factors)))

    @property
    def smallest(self) -> int:
        """The shortest side in pixels of an export with a dynamic size: at least two strides."""
        return max(2 * STRIDE, self.least_side)

    def scaled(self, side: int, scale: int) -> int:
        """The pixels of ``side``, a multiple of the stride, at the scale of that place."""
        factor = _fraction(self.factors[scale])
        # In cells, which a traced side is a whole number of: no other rounding gets into the graph.
        cells = side // STRIDE
        return (cells * factor.numerator + factor.denominator - 1) // factor.denominator * STRIDE

    def size(self, size: Size, scale: int) -> Size:
        """The size of an image of ``size`` at the scale of that place."""
        return Size(self.scaled(size.height, scale), self.scaled(size.width, scale))


def _flaw(factors: tuple[float, ...]) -> str:
    if not all(math.isfinite(factor) and factor > 0 for factor in factors):
        return "factors are numbers above 0"
    if 1 not in factors:
        return "1 is missing, the picture's own scale"
    if len(set(factors)) < len(factors):
        return "one of them is listed twice"
    written = sorted(Fraction(str(factor)) for factor in factors)
    if any(next_ - one < Fraction(1, _FINEST_FRACTION) for one, next_ in pairwise(written)):
        return f"two of them differ by less than 1/{_FINEST_FRACTION}"
    if list(factors) != sorted(factors):
        return "they are not in ascending order, the order of the scale weights"
    return _extreme(factors[0], factors[-1])


def _extreme(least: float, most: float) -> str:
    if _fraction(least) < _LEAST:
        side = STRIDE * _LEAST.denominator
        return f"at {least:g}, less than one stride of {STRIDE} pixels is left of {side}"
    if _fraction(most) > _MOST:
        return f"at {most:g}, a picture has more than {_MOST**2} times as many pixels"
    return ""


def _fraction(factor: float) -> Fraction:
    """The factor as it is written: 0.3 is 3/10."""
    return Fraction(str(factor)).limit_denominator(_FINEST_FRACTION)
