"""Failures as the command line shows them: a sentence on stderr, and an object in JSON.

Both appear with ``--quiet`` too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import typer

from sizewise.core.errors import OptionError, SizewiseError
from sizewise.core.printable import printable

_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
_HINTS = ("--help", "--debug", "--quiet")
"""Options that sentences name as advice alone."""
_NAMED = 3
"""Reasons that a sentence gives in full."""


def say_error(sentence: str) -> None:
    """Print an error on stderr."""
    sys.stderr.write(printable(f"sizewise: {sentence}\n"))


def end_with(error: SizewiseError) -> NoReturn:
    """Print ``error`` on stderr, beside what the command has printed, and exit with its code."""
    say_error(str(error))
    raise typer.Exit(error.exit_code)


def plain_error(error: SizewiseError) -> dict[str, str]:
    """The error for machines. ``option`` is the one that is wrong, or else the first that the
    sentence names; empty where it names none."""
    return {
        "type": type(error).__name__,
        "what": error.what,
        "why": error.why,
        "todo": error.todo,
        "option": _option(error),
    }


def with_error(error: SizewiseError | None) -> dict[str, Any]:
    """What a JSON document has beside its own keys where nothing came of the command."""
    return {} if error is None else {"error": plain_error(error)}


def _option(error: SizewiseError) -> str:
    if isinstance(error, OptionError) and error.option:
        return error.option
    named = _OPTION.findall(f"{error.what} {error.why} {error.todo}")
    return next((one for one in named if one not in _HINTS), "")


def first_reasons(reasons: Iterable[str]) -> str:
    """The first few of ``reasons``, each once, and the number of the others."""
    each = [reason.rstrip(".") for reason in dict.fromkeys(reasons)]
    more = f"; and {len(each) - _NAMED} more" if len(each) > _NAMED else ""
    return "; ".join(each[:_NAMED]) + more


def all_failed(what: str, errors: Sequence[SizewiseError]) -> SizewiseError:
    """One error for ``errors``, which left nothing: itself where all say the same, or else ``what``
    with the first of their reasons, of the type of the first."""
    first = errors[0]
    if len({str(error) for error in errors}) == 1:
        return first
    why = first_reasons(f"{one.what}: {one.why}" if one.why else one.what for one in errors)
    return type(first)(what, why, first.todo)
