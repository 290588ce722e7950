"""``sizewise reproduce``: a published table, measured with what this machine has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reports.published.markdown import named, published_text, value_text
from reports.published.reproduced import Found, Reproduced
from reports.published.table import published_tables, read_published
from reports.text.words import counted
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core.errors import UsageError
from sizewise.pipeline.records.reproduce import ReproduceOptions

_NONE = "–"


def reproduce(
    options: ReproduceOptions,
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="A published table: --list names them.")
    ] = None,
    *,
    listed: Annotated[bool, typer.Option("--list", help="List the published tables.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Folder [default: runs/reproduce/TABLE]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the cells of a published table, and set both beside each other.

    Devices differ, so ratios to the table's reference row are compared. The same command resumes.
    """
    if listed:
        _list(as_json=as_json)
        return
    if table is None:
        raise UsageError(
            "No table is named",
            "TABLE is missing",
            "Name one of sizewise reproduce --list.",
        )
    from sizewise.pipeline.records.reproduce import reproduce

    folder = out or Path("runs/reproduce") / table
    found = reproduce(table, options, out=folder, reporter=console.reporter())
    if as_json:
        console.show_json(_plain(found))
        return
    for name in found.table.columns:
        _show(found, name)
    console.next_step(f"read {folder / 'table.md'}")


def _list(*, as_json: bool) -> None:
    tables = [read_published(name) for name in published_tables()]
    if as_json:
        console.show_json({one.name: {"title": one.title, "source": one.source} for one in tables})
        return
    rows = [(one.name, one.title, str(len(one.rows))) for one in tables]
    console.show_table("Published tables", ("table", "title", "rows"), rows, whole=("table",))
    console.next_step(console.command("reproduce", tables[0].name))


def _show(found: Reproduced, name: str) -> None:
    rows = [
        (
            named(found.table, row),
            published_text(row.values[name]),
            _ratio(found.published_ratio(place, name)),
            value_text(cell.value),
            _ratio(cell.ratio),
            cell.why,
        )
        for place, row in enumerate(found.table.rows)
        if name in row.values
        for cell in [found.cells.get((place, name), Found())]
    ]
    unit = found.table.columns[name].unit
    heading = f"{name} ({unit})" if unit else name
    console.show_table(
        f"{found.table.title}: {heading}",
        ("row", "published", "÷ reference", "here", "÷ reference", "why not"),
        rows,
    )
    if (value := found.correlation(name)) is not None:
        compared = counted(len(found.pairs(name)), "row")
        console.say(f"Correlation of the ratios over {compared}: {value:.3f}")


def _ratio(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _plain(found: Reproduced) -> dict[str, Any]:
    table = found.table
    return {
        "table": table.name,
        "source": table.source,
        "how": found.how,
        "cells": [
            {
                "row": named(table, row),
                "column": name,
                "published": row.values[name],
                "published_ratio": found.published_ratio(place, name),
                "found": cell.value,
                "ratio": cell.ratio,
                "low": cell.low,
                "high": cell.high,
                "why": cell.why,
            }
            for place, row in enumerate(table.rows)
            for name in row.values
            for cell in [found.cells.get((place, name), Found())]
        ],
        "correlations": {name: found.correlation(name) for name in table.columns},
    }
