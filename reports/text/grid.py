"""Markdown tables (GitHub's), and text that Markdown must not take for its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sizewise.core.printable import printable

_TAKEN = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")


def plain(text: str) -> str:
    """Anybody's text on one line, so that it reads as it is wherever Markdown has inline text."""
    return _TAKEN.sub(r"\\\g<0>", printable(" ".join(text.split())))


def grid(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1, last_texts: int = 0
) -> str:
    """A table whose first ``texts`` and ``last_texts`` last columns are words (left) and whose
    others are figures (right).

    Cells are Markdown. They are padded, so that the source reads as well as the page.
    """
    widths = [max(3, *map(len, column)) for column in zip(headers, *rows, strict=True)]
    figures = range(texts, len(widths) - last_texts)
    rule = [
        "-" * (width - 1) + ":" if column in figures else "-" * width
        for column, width in enumerate(widths)
    ]
    return "\n".join(_line(row, widths, figures) for row in (headers, rule, *rows))


def _line(row: Sequence[str], widths: Sequence[int], figures: range) -> str:
    padded = (
        text.rjust(width) if column in figures else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"
