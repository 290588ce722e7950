"""Rows chosen by the values of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reports.columns import COLUMNS, Row
from sizewise.core.errors import UsageError

_EXAMPLE = "backend=openvino,threads=2"


def parse_selection(text: str) -> Mapping[str, str]:
    """``backend=openvino,threads=2``: the value of each column that is named.

    Raises UsageError for a column that is none.
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, sign, value = (word.strip() for word in part.partition("="))
        if not sign or name not in COLUMNS:
            raise UsageError(
                f"{part!r} selects nothing",
                f"there is no column {name!r}" if sign else "it names no value",
                f"Name columns of sizewise.load and their values, as in {_EXAMPLE}.",
            )
        found[name] = value
    return found


def selected(rows: Iterable[Row], selection: Mapping[str, str]) -> list[Row]:
    """Those with all of these values, written as in a table or as options take them."""
    return [
        row
        for row in rows
        if all(
            value in (row.text(name), str(getattr(row, name))) for name, value in selection.items()
        )
    ]
