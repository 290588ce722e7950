"""Sizes of images: height × width in pixels, throughout."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Self

from sizewise.core.errors import UsageError

_MOST_SIZES = 1000
_MOST_DIGITS = 6
_MOST_SHOWN = 200
_AS_SIZES = "Give sizes as 416, 384x640 (height x width) or 320:896:64."


def shortened(given: object) -> str:
    """What a user gave, as an error quotes it: one value may be as long as a file."""
    if isinstance(given, int) and abs(given) >= 10**_MOST_SHOWN:
        return "of more digits than can be shown"
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
        _demand_few_digits(text, match)
        height = int(match[1])
        return cls(height, int(match[2] or height))


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
    def parse(cls, given: str | Iterable[Size | int | str]) -> Self:
        """``416``, ``384x640``, ``320:896:64`` (both ends included), a comma list of these, or an
        iterable of sizes, numbers and such texts. Raises UsageError, also where there is none."""
        if isinstance(given, cls):
            return given
        parts = given.split(",") if isinstance(given, str) else list(islice(given, _MOST_SIZES + 1))
        found: dict[Size, None] = {}
        for part in parts[: _MOST_SIZES + 1]:
            found |= dict.fromkeys(cls._each(part))
        if max(len(parts), len(found)) > _MOST_SIZES:
            raise UsageError(
                f"More than {_MOST_SIZES} sizes were given",
                f"at most {_MOST_SIZES} can be taken together",
                "Give fewer, as in 320:896:64.",
            )
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
        if match is not None:
            _demand_few_digits(text, match)
        first, last, step = (int(g) for g in match.groups()) if match else (0, 0, 0)
        if match is None:
            why = "a range has three parts, FIRST:LAST:STEP"
        elif step == 0:
            why = "the step is 0"
        elif last < first:
            why = "the last size is smaller than the first"
        elif (last - first) % step:
            why = f"steps of {step} from {first} do not reach {last}"
        elif last // step > _MOST_SIZES:
            why = f"the last size may be at most {_MOST_SIZES} times the step"
        else:
            return (Size(side, side) for side in range(first, last + 1, step))
        raise UsageError(
            f"{shortened(text)} isn't a range of sizes",
            why,
            "Give it as in 320:896:64, which means 320, 384, … 896.",
        )


def _demand_few_digits(text: str, found: re.Match[str]) -> None:
    """Raises UsageError for a number so long that reading it fails, or would take long."""
    if max(len(digits or "") for digits in found.groups()) > _MOST_DIGITS:
        raise UsageError(
            f"{shortened(text)} can't be read",
            f"a side has at most {_MOST_DIGITS} digits",
            _AS_SIZES,
        )
