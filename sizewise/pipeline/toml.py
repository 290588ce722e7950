"""TOML files as users write them: read within limits, which are held before anything is parsed.

Python's parser calls itself for each level, and takes time that grows with the square of the parts
of a dotted key. So both are counted first, in one pass over the text.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import TOML_BYTES, TOML_NESTING

_NO_SYNTAX = re.compile(
    r"""
    \"{3} (?: \\. | [^\\] )*? (?: \"{3} | \Z )
    | '{3} .*? (?: '{3} | \Z )
    | \" (?: \\[^\n] | [^\"\\\n] )* \"?
    | ' [^'\n]* '?
    | \# [^\n]*
    """,
    re.DOTALL | re.VERBOSE,
)
"""Texts and comments. A text without an end, over which the parser stumbles, goes on to the end: so
each character is looked at once."""
_WORD = re.compile(r"[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++)*+")
"""Parts of a key, or a number, with the dots between them."""
_BRACKET = re.compile(r"[\[{\]}]")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, with a byte-order mark or without. Raises InputError where it is missing,
    isn't TOML or goes beyond a limit."""
    try:
        text = read_file(path, TOML_BYTES).decode("utf-8-sig")
        _demand_flat(path, text)
        return tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, no TOML
        raise InputError(
            f"The configuration {path} can't be read",
            (error.strerror or "").lower() if isinstance(error, OSError) else str(error),
            "See examples/digits.toml for a working example.",
        ) from error


def _demand_flat(path: Path, text: str) -> None:
    """Raises InputError for brackets within brackets, or a key of parts, beyond the limit."""
    bare = _NO_SYNTAX.sub("_", text)
    if why := TOML_NESTING.excess(max(_deepest(bare), _longest_key(bare))):
        raise InputError(f"The configuration {path} can't be read", why, TOML_NESTING.todo)


def _deepest(text: str) -> int:
    depth = most = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[0] in "[{" else -1
        most = max(most, depth)
    return most


def _longest_key(text: str) -> int:
    return max((found[0].count(".") + 1 for found in _WORD.finditer(text)), default=0)
