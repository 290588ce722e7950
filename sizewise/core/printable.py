"""Anybody's text as it may reach a terminal or a report: without what moves a cursor.

Names of networks, classes and files are their authors'. An escape sequence in one would run in
whoever's terminal shows it, and a sign that turns the direction of writing would show another name.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for tab and line feed
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # the direction of writing, lines
    "\ud800-\udfff]"  # bytes of file names that are no text
)


def printable(text: str) -> str:
    """``text`` with each control character as Python writes it (``\\x1b``); tabs and line feeds
    stay."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
