"""A published table: its rows, what each column measures, and where it was published.

A file has a ``title``, a ``source``, a ``device``, ``notes`` on its errors, ``defaults`` of its
rows, its ``columns``, and ``rows``. A row says what was measured (``network``, ``size``, …), and a
value for each column that it has. One row is the ``reference`` that ratios are to: devices differ.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

FOLDER = Path(__file__).parent

Kind = Literal[
    "accuracy",
    "latency",
    "throughput",
    "memory",
    "parameters",
    "bflops",
    "complexity",
    "loss",
    "size",
    "sizes",
    "grid",
    "predictions",
    "gain",
]
"""What a column measures."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """``of`` names the metric and the data of an accuracy, and ``figure`` how
    ``sizewise evaluate --json`` calls that metric; ``stride`` is that of a grid, in pixels a
    cell."""

    kind: Kind
    unit: str
    of: str = ""
    figure: str = ""
    stride: int = 1


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """A row; what it does not say is empty. ``size`` is that of the input. ``label`` names a part,
    where it is not a whole network. ``trained_as`` is another network of the same layers, whose
    training stands for this one's: they differ in anchors and classes. ``counts`` says what
    operations are of: convolutions, or pools and shortcuts as well, as Darknet prints them."""

    values: Mapping[str, float | str]
    network: str = ""
    fusion: str = ""
    backbone: str = ""
    size: Size | None = None
    batch: int = 1
    precision: str = "fp32"
    runtime: str = ""
    device: str = ""
    label: str = ""
    trained_as: str = ""
    counts: Literal["convolutions", "darknet"] = "convolutions"


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """``reference`` is the number of the row that ratios are to."""

    name: str
    title: str
    source: str
    device: str
    columns: Mapping[str, Column]
    rows: tuple[PublishedRow, ...]
    reference: int
    notes: tuple[str, ...] = field(default=())


def published_tables() -> tuple[str, ...]:
    """The names of all tables."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def read_published(name: str) -> PublishedTable:
    """Raises UsageError for a name that no table has."""
    path = FOLDER / f"{name}.toml"
    if name not in published_tables():
        raise UsageError(
            f"There is no published table named {name!r}",
            f"there are {', '.join(published_tables())}",
            "Choose one of them: sizewise reproduce --list says what each has.",
        )
    return _table(name, tomllib.loads(path.read_text(encoding="utf-8")))


def _table(name: str, found: dict[str, Any]) -> PublishedTable:
    rows: list[dict[str, Any]] = found.pop("rows")
    defaults = found.pop("defaults", {})
    (reference,) = (number for number, row in enumerate(rows) if row.pop("reference", False))
    columns = {key: msgspec.convert(value, Column) for key, value in found.pop("columns").items()}
    return PublishedTable(
        name=name,
        columns=columns,
        rows=tuple(_row(defaults | row, columns) for row in rows),
        reference=reference,
        notes=tuple(found.pop("notes", ())),
        **found,
    )


def _row(found: dict[str, Any], columns: Mapping[str, Column]) -> PublishedRow:
    values = {key: found.pop(key) for key in columns if key in found}
    size = found.pop("size", None)
    return PublishedRow(values=values, size=Size.parse(size) if size else None, **found)
