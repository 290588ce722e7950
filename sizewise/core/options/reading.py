"""How the value of an option is read from text or from a plain value, and what help calls it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sizewise.core.options.limits import LIST_LENGTH, Limit
from sizewise.core.specs import Size, Sizes

_LARGEST = 2**63 - 1
"""Of whole numbers, which files and libraries keep in 64 bits."""
_DIGITS = 20


@dataclass(frozen=True)
class Reader:
    """``read`` gives the value or raises ValueError (what to give instead) or UsageError;
    ``kind`` is what help calls such a value. A ``switch`` takes no value on a command line, a
    ``repeatable`` option may be given there again and again."""

    read: Callable[[Any], Any]
    kind: str
    switch: bool = False
    repeatable: bool = False


def _text(given: object) -> str:
    if isinstance(given, bool | list | dict):
        raise ValueError("Give a text.")
    return given if isinstance(given, str) else str(given)


def _joined(given: object) -> str:
    """A text as it stands; a list of parts joined by commas."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        return ",".join(map(str, _counted(given)))
    return _text(given)


def _counted(parts: Sequence[Any]) -> Sequence[Any]:
    """``parts``. Raises ValueError where there are too many."""
    if why := LIST_LENGTH.excess(len(parts)):
        raise UnreadableError(f"(a list of {len(parts):,})", f"{why}. {LIST_LENGTH.todo}")
    return parts


def _switch(given: object) -> bool:
    if isinstance(given, bool):
        return given
    raise ValueError("Give true or false.")


def _path(given: object) -> Path:
    if isinstance(given, str | Path) and str(given) and "\0" not in str(given):
        return Path(given)
    raise ValueError("Give the path of a file or folder.")


def _words(given: object) -> tuple[str, ...]:
    """A comma list, or a sequence."""
    if isinstance(given, str):
        found = comma_list(given)
        if given and not found:
            raise ValueError("The list is empty: name at least one, or leave it out.")
        return found
    if isinstance(given, Sequence):
        return tuple(part for item in _counted(given) for part in comma_list(str(item)))
    return (_text(given),)


def comma_list(text: str) -> tuple[str, ...]:
    """``a,b`` as a tuple; empty text gives an empty one. Raises ValueError where it is too long."""
    return tuple(part.strip() for part in _counted(text.split(",")) if part.strip())


TEXT = Reader(_text, "TEXT")
JOINED = Reader(_joined, "LIST")
SWITCH = Reader(_switch, "", switch=True)
PATH = Reader(_path, "PATH")
WORDS = Reader(_words, "LIST")
SIZES = Reader(Sizes.parse, "SIZES")
SIZE = Reader(lambda given: given if isinstance(given, Size) else Size.parse(str(given)), "SIZE")
ASSIGNMENTS = Reader(lambda given: tuple(map(str, given)), "NAME=VALUE", repeatable=True)


def whole(least: int | None = None, limit: Limit | None = None) -> Reader:
    """A whole number, not below ``least`` nor beyond ``limit``."""

    def read(given: object) -> int:
        number = _whole_number(given)
        if number is None or (least is not None and number < least):
            raise ValueError(f"Give a whole number{_or_more(least)}.")
        if limit and (why := limit.excess(number)):
            raise ValueError(f"{why}. {limit.todo}")
        return number

    return Reader(read, "INTEGER")


def _whole_number(given: object) -> int | None:
    """None where it is none, or has more than 64 bits."""
    if isinstance(given, bool) or not isinstance(given, int | str):
        return None
    if isinstance(given, str) and len(given.strip()) > _DIGITS:
        return None
    try:
        number = int(given)
    except ValueError:
        return None
    return number if abs(number) <= _LARGEST else None


def number(
    least: float | None = None, *, above: float | None = None, most: float | None = None
) -> Reader:
    """A finite number from ``least`` to ``most``, and more than ``above``."""

    def read(given: object) -> float:
        try:
            value = float(given) if isinstance(given, int | float | str) else math.nan
        except (ValueError, OverflowError):
            value = math.nan
        if isinstance(given, bool):  # Python's are numbers
            value = math.nan
        low = (least is None or value >= least) and (above is None or value > above)
        if not (math.isfinite(value) and low and (most is None or value <= most)):
            raise ValueError(f"Give a {_wanted(least, above, most)}.")
        return value

    return Reader(read, "NUMBER")


def choices(*names: str, least: int = 0) -> Reader:
    """A comma list of some of ``names``."""

    def read(given: object) -> tuple[str, ...]:
        found = _words(given)
        for one in found:
            if one not in names:
                raise no_choice(one, names)
        if len(found) < least:
            raise ValueError(f"Choose from: {', '.join(names)}.")
        return found

    return Reader(read, "LIST")


def choice(*names: str) -> Reader:
    """One of ``names``."""

    def read(given: object) -> str:
        if given not in names:
            raise no_choice(given, names)
        return str(given)

    return Reader(read, "|".join(names))


def several(reader: Reader, least: int = 0) -> Reader:
    """A comma list, or a sequence, of what ``reader`` reads."""

    def read(given: object) -> tuple[Any, ...]:
        parts: Iterable[object] = (
            comma_list(given)
            if isinstance(given, str)
            else _counted(given)
            if isinstance(given, Sequence)
            else (given,)
        )
        found = tuple(_part(reader, part) for part in parts)
        if len(found) < least:
            raise ValueError("The list is empty: name at least one.")
        return found

    return Reader(read, "LIST")


def _part(reader: Reader, given: object) -> Any:
    try:
        return reader.read(given)
    except UnreadableError:
        raise
    except ValueError as error:
        raise UnreadableError(given, str(error)) from error


def optional(reader: Reader) -> Reader:
    """What ``reader`` reads, or None (in Python)."""
    return Reader(lambda given: None if given is None else reader.read(given), reader.kind)


class UnreadableError(ValueError):
    """One part of what was given can't be read; the message says what to give instead."""

    def __init__(self, given: object, todo: str) -> None:
        super().__init__(todo)
        self.given = given


def no_choice(given: object, names: Iterable[str]) -> UnreadableError:
    """``given`` is none of ``names``."""
    return UnreadableError(given, f"Choose from: {', '.join(names)}.")


def _or_more(least: int | None) -> str:
    return "" if least is None else f", {least} or more"


def _wanted(least: float | None, above: float | None, most: float | None) -> str:
    if least is not None:
        return (
            f"number, {least:g} or more" if most is None else f"number from {least:g} to {most:g}"
        )
    if above is not None:
        return f"number above {above:g}{'' if most is None else f', at most {most:g}'}"
    return "finite number" if most is None else f"number, at most {most:g}"
