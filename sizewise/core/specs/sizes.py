"""Sizes of images: height × width in pixels, throughout."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sizewise.core.errors import UsageError
from sizewise.core.options.limits import SIDE_PX, SIZES

_MOST_SHOWN = 200
_DIGITS = 18
"""Of a side: Python refuses to read thousands of them."""
_AS_SIZES = "Give sizes as 416, 384x640 (height x width) or 320:896:64."


def shortened(given: object) -> str:
    """What a user gave, as an error quotes it: one value may be as long as a file."""
    if isinstance(given, int) and given.bit_length() > 64:
        return "(a number of many digits)"
    text = repr(given)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


@dataclass(frozen=True, order=True)
class Size:
    """Height and width of an input, in pixels."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise UsageError(
                f"The size {self.height}x{self.width} can't be used",
                "height and width must be at least 1 pixel",
                "Give sizes as 416 or 384x640 (height x width).",
            )

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @classmethod
    def parse(cls, text: str) -> Size:
        """``416`` or ``384x640`` (height x width)."""
        match = re.fullmatch(r"\s*(\d+)(?:[xX×](\d+))?\s*", text)
        if match is None:
            raise UsageError(
                f"{shortened(text)} isn't a size",
                "a size is one whole number, or two with an x between them",
                _AS_SIZES,
            )
        height, width = _side(match[1]), _side(match[2] or match[1])
        if why := SIDE_PX.excess(max(height, width)):
            raise UsageError(f"The size {shortened(text)} can't be used", why, SIDE_PX.todo)
        return cls(height, width)


def _side(digits: str) -> int:
    """A number, whose last digits are left out where it is far beyond any limit."""
    return int((digits.lstrip("0") or "0")[:_DIGITS])


class Sizes(tuple[Size, ...]):
    """Different sizes in the order given, with the text that they were written as.

    Equal to the plain tuple of them, and serialised as one.
    """

    _text: str

    def __new__(cls, sizes: Iterable[Size] = (), text: str = "") -> Self:
        made = super().__new__(cls, sizes)
        made._text = text
        return made

    @property
    def text(self) -> str:
        """The sizes as the user wrote them, or joined by commas."""
        return self._text or ",".join(map(str, self))

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, given: str | int | Iterable[Size | int | str]) -> Self:
        """``416``, ``384x640``, ``320:896:64`` (both ends included), a comma list of these, or an
        iterable of sizes, numbers and such texts. Raises UsageError, also where there is none, or
        more than the limit."""
        if isinstance(given, cls):
            return given
        if isinstance(given, int):
            return cls.parse(str(given) if given.bit_length() < 64 else "9" * _DIGITS)
        count = given.count(",") + 1 if isinstance(given, str) else 0
        parts = given.split(",", SIZES.most) if isinstance(given, str) else given
        found: dict[Size, None] = {}
        for part in parts:
            found |= dict.fromkeys(cls._each(part))
            if why := SIZES.excess(max(len(found), count)):
                raise UsageError("So many sizes can't be used", why, SIZES.todo)
        if not found:
            raise UsageError("No size was given", "the list of sizes is empty", _AS_SIZES)
        return cls(found, given if isinstance(given, str) else "")

    @classmethod
    def _each(cls, part: Size | int | str) -> Iterable[Size]:
        if isinstance(part, Size):
            return (part,)
        if isinstance(part, str) and "," in part:
            return cls.parse(part)
        text = str(part)
        return cls._range(text) if ":" in text else (Size.parse(text),)

    @staticmethod
    def _range(text: str) -> Iterable[Size]:
        match = re.fullmatch(r"\s*(\d+):(\d+):(\d+)\s*", text)
        first, last, step = (_side(g) for g in match.groups()) if match else (0, 0, 0)
        if match is None:
            why = "a range has three parts, FIRST:LAST:STEP"
        elif step == 0:
            why = "the step is 0"
        elif last < first:
            why = "the last size is smaller than the first"
        elif (last - first) % step:
            why = f"steps of {step} from {first} do not reach {last}"
        else:
            for limit, count in ((SIZES, (last - first) // step + 1), (SIDE_PX, last)):
                if why := limit.excess(count):
                    raise UsageError(f"The sizes {shortened(text)} can't be used", why, limit.todo)
            return (Size(side, side) for side in range(first, last + 1, step))
        raise UsageError(
            f"{shortened(text)} isn't a range of sizes",
            why,
            "Give it as in 320:896:64, which means 320, 384, … 896.",
        )
