"""A reproduced table as Markdown: published, found here, both as ratios, and what agrees."""

from __future__ import annotations

from collections.abc import Iterator

from reports.columns.declaring import NONE
from reports.published.reproduced import Found, Reproduced
from reports.published.table import Column, PublishedRow, PublishedTable
from reports.text.grid import grid, plain
from reports.text.words import number, times

_LARGE = 10_000
"""Numbers from here on are counts, and written whole, in groups of three digits."""


def markdown(found: Reproduced) -> str:
    """The page of one table."""
    table = found.table
    lines = [
        f"# {plain(table.title)}",
        "",
        f"Published: {plain(table.source)}. Device: {plain(table.device)}.",
        f"Here: {plain(found.how)}.",
        *(f"\n*{plain(note)}*" for note in table.notes),
        "",
    ]
    for name, column in table.columns.items():
        lines += [*_column(found, name, column), ""]
    return "\n".join(lines)


def _column(found: Reproduced, name: str, column: Column) -> Iterator[str]:
    table = found.table
    unit, of = f" ({column.unit})" if column.unit else "", f": {column.of}" if column.of else ""
    yield f"## {plain(name.replace('_', ' ') + unit + of)}"
    yield ""
    reference = named(table, table.rows[table.reference])
    yield grid(
        ("row", "published", "÷ reference", "here", "÷ reference", "here ÷ published"),
        [*_rows(found, name)],
    )
    yield ""
    yield f"Reference: {plain(reference)}. {_agreement(found, name)}"
    yield from _reasons(found, name)


def _rows(found: Reproduced, name: str) -> Iterator[tuple[str, ...]]:
    for place, row in enumerate(found.table.rows):
        if name not in row.values:
            continue
        cell = found.cells.get((place, name), Found())
        published = found.published_ratio(place, name)
        yield (
            plain(named(found.table, row)),
            published_text(row.values[name]),
            _ratio(published),
            value_text(cell.value),
            _interval(cell),
            _ratio(cell.ratio / published if cell.ratio and published else None),
        )


def named(table: PublishedTable, row: PublishedRow) -> str:
    """What tells a row from the others of its table."""
    words = {
        "network": row.network,
        "fusion": row.fusion,
        "size": times(row.size) if row.size else "",
        "precision": row.precision,
        "batch": f"batch {row.batch}",
        "runtime": row.runtime,
        "label": row.label,
    }
    telling = [
        name for name in words if len({getattr(other, name) for other in table.rows}) > 1
    ] or ["network"]
    return ", ".join(words[name] for name in telling if words[name])


def published_text(value: float | str) -> str:
    """A value with the digits that it was published with."""
    return plain(value) if isinstance(value, str) else _grouped(f"{value:.12g}", value)


def value_text(value: float | str | None) -> str:
    """A value that was found here; a whole number is a count."""
    if value is None:
        return NONE
    if isinstance(value, str):
        return plain(value)
    is_count = abs(value) >= _LARGE or float(value).is_integer()
    return _grouped(f"{value:.0f}", value) if is_count else number(value, 5)


def _grouped(text: str, value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _LARGE else text


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _interval(cell: Found) -> str:
    if cell.low is None or cell.high is None:
        return _ratio(cell.ratio)
    return f"{_ratio(cell.ratio)} ({cell.low:.3f}–{cell.high:.3f})"


def _agreement(found: Reproduced, name: str) -> str:
    value = found.correlation(name)
    if value is None:
        return "Too few rows for a correlation."
    return f"Correlation of the two columns of ratios (of their logarithms): {value:.3f}."


def _reasons(found: Reproduced, name: str) -> Iterator[str]:
    why: dict[str, list[str]] = {}
    for place, row in enumerate(found.table.rows):
        cell = found.cells.get((place, name))
        if name in row.values and cell is not None and cell.why:
            why.setdefault(cell.why, []).append(named(found.table, row))
    for reason, rows in why.items():
        every = len(rows) == sum(name in row.values for row in found.table.rows)
        which = "All rows" if every else ", ".join(rows)
        yield f"- {plain(which)}: {plain(reason.removesuffix('.'))}."
