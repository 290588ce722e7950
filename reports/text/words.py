"""Numbers and names as a reader wants them: rounded to what is known, and no private paths."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

_QUOTED = re.compile(r"""(['"`])((?:~?/|[A-Za-z]:[\\/]|\\\\)[^'"`\n]*)\1""")
_BARE = re.compile(
    r"""(?<![\w.~/\\-])(?:file://)?(?:~?/(?!/)|[A-Za-z]:[\\/](?!/)|\\\\)[^\s'"`,;:()<>|]+"""
)

_EXACT_BELOW = 0.1
"""Wider intervals are told without a place after the point."""


def number(value: float, digits: int = 3) -> str:
    """``0.0123``, ``1.23``, ``123``, ``1234``; a dash where there is none."""
    return f"{value:.{_places(value, digits)}f}" if math.isfinite(value) else "–"


def measured(
    value: float,
    low: float,
    high: float,
    *,
    places: int | None = None,
    digits: int = 4,
    unit: str = "",
    named: str = "",
) -> str:
    """``12.34 (12.31–12.38)``: ``digits`` significant digits, or ``places`` after the point.

    ``unit`` stands behind the value and ``named`` before the interval: ``12.34 ms (95 % CI …)``.
    The value alone where there is no interval.
    """
    places = _places(value, digits) if places is None else places
    point, *ends = (f"{number:.{places}f}" for number in (value, low, high))
    known = math.isfinite(low) and math.isfinite(high)
    return f"{point}{unit} ({named}{'–'.join(ends)})" if known else f"{point}{unit}"


def percent(share: float, places: int = 0) -> str:
    """A share in percent: ``95 %``."""
    return f"{100 * share:.{places}f} %"


def plus_minus(width: float) -> str:
    """Half the width of an interval, as a share: ``±1.4 %``, ``±23 %``."""
    return f"±{percent(width, 1 if width < _EXACT_BELOW else 0)}"


def times(size: object) -> str:
    """A size with the sign for times: ``288×288``."""
    return re.sub(r"(?<=\d)x(?=\d)", "×", str(size))


def spelled(name: str, endings: Iterable[str] = ()) -> str:
    """A name of the code in words, without its unit: ``build_s`` is ``build``."""
    ending = next((ending for ending in endings if name.endswith(ending)), "")
    return name.removesuffix(ending).replace("_", " ")


def _places(value: float, digits: int) -> int:
    """Behind the point, for so many significant digits: 9.999 is 10.0, as 10 is."""
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return max(0, digits - 1 - exponent)


def listed(items: Iterable[str], most: int = 0, last: str = "and") -> str:
    """``a, b and c``; with ``most``, the rest is counted: ``a, b and 5 more``."""
    words = list(items)
    if most and len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(count: int, noun: str) -> str:
    """``1 size``, ``3 sizes``, ``5 processes``."""
    return f"{count} {noun}{'' if count == 1 else 'es' if noun.endswith('s') else 's'}"


def without_folders(text: str) -> str:
    """``text`` with every absolute path in it cut to its last part: reports are passed on."""
    text = _QUOTED.sub(lambda match: f"{match[1]}{_name(match[2])}{match[1]}", text)
    return _BARE.sub(lambda match: _name(match[0]), text)


def command_without_folders(command: str) -> str:
    """A command line with its absolute paths cut, quoted again so that it can be pasted."""
    try:
        words = shlex.split(command)
    except ValueError:  # an unbalanced quote: it was not written by shlex.join
        return without_folders(command)
    return shlex.join(map(_word_without_folders, words))


def plain_without_folders(value: Any) -> Any:
    """The same for plain JSON: dicts, lists and strings."""
    if isinstance(value, dict):
        return {
            _word_without_folders(key): plain_without_folders(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [plain_without_folders(item) for item in value]
    return _word_without_folders(value) if isinstance(value, str) else value


def _word_without_folders(word: str) -> str:
    option, equals, value = word.partition("=")
    if equals and option.startswith("-"):
        return f"{option}={_word_without_folders(value)}"
    return _name(word) if _is_absolute(word) else without_folders(word)


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "~/")) or PureWindowsPath(path).is_absolute()


def _name(path: str) -> str:
    kind = PurePosixPath if path.startswith(("/", "~/")) else PureWindowsPath
    return kind(path).name or "."
