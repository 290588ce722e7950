"""A CSV with a width and a height in each line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from sizewise.core.errors import InputError, SizewiseError
from sizewise.core.specs import Size
from sizewise.pipeline.preparation.traffic.sources.lines import lines_of

SUFFIXES = (".csv", ".tsv")
_NAMES = {"width": ("width", "w", "image_width"), "height": ("height", "h", "image_height")}
_SEPARATORS = ",;\t"
_MARK = "\ufeff"


def sizes_in(path: Path) -> Iterator[Size]:
    """Columns are found by their names; without names, the first is the width and the second the
    height. Raises InputError, which names the line."""
    lines = lines_of(path)
    first = next(lines, "").removeprefix(_MARK)
    separator = max(_SEPARATORS, key=first.count)
    heads = _cells(first, separator)
    named = not _is_number(heads[0]) if heads else True
    columns = _columns(path, heads) if named else (0, 1)
    if not named:
        yield _size(path, 1, heads, columns)
    for number, line in enumerate(lines, start=2):
        if line.strip():
            yield _size(path, number, _cells(line, separator), columns)


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _columns(path: Path, heads: Sequence[str]) -> tuple[int, int]:
    """Those of width and height."""
    lower = [head.lower() for head in heads]
    found = [
        next((lower.index(name) for name in names if name in lower), None)
        for names in _NAMES.values()
    ]
    width, height = found
    if width is None or height is None:
        raise InputError(
            f"The columns of {path} are not known",
            f"its first line is {', '.join(heads)[:100] or 'empty'}",
            "Name the columns width and height in the first line.",
        )
    return width, height


def _size(path: Path, number: int, cells: Sequence[str], columns: tuple[int, int]) -> Size:
    try:
        width, height = (cells[column] for column in columns)
        if not (_is_number(width) and _is_number(height)):
            raise ValueError(f"{width[:40]!r} and {height[:40]!r} are no width and height")
        return Size.parse(f"{height}x{width}")
    except (IndexError, ValueError, SizewiseError) as error:
        why = "a column is missing" if isinstance(error, IndexError) else str(error)
        raise InputError(
            f"Line {number} of {path} has no size",
            why,
            "Give the width and the height of a picture in pixels, whole numbers, or remove it.",
        ) from error
