"""docs/reproduced.md: published tables beside what is found here (python -m docs.make.reproduced
[TABLE …] [--page]).

Tables that take measuring are measured where they have no record yet, or where they are named.
Their runs become reports/measured/reproduced-TABLE.json, from which the page is rendered; what is
counted is counted again. --page only renders.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.sweep import RESULTS
from docs.make.method.records import now, origin
from docs.make.pages import HOUSE
from docs.make.recorded import plain_runs, read_record, runs_of, stored_runs, write_record
from docs.make.training.accuracies import described as trained_words
from docs.make.training.accuracies import trained_cells
from reports.load import Records, select_records
from reports.published.markdown import markdown, named
from reports.published.reproduced import Found, Reproduced
from reports.published.table import PublishedTable, published_tables, read_published
from reports.text.grid import grid
from sizewise.cli import console
from sizewise.pipeline.records.reproduce import (
    COUNTED,
    ReproduceOptions,
    described,
    measuring_of,
    reproduced,
    takes_measuring,
)
from sizewise.pipeline.records.reproducing.timed import KINDS, cells_of, measure

PAGE = HOUSE / "docs" / "reproduced.md"
OUT = HOUSE / "runs" / "reproduce"
OPTIONS = ReproduceOptions(processes=3, rounds=4)
"""Large networks take seconds for a call."""
COMMAND = "sizewise reproduce TABLE --processes 3 --rounds 4"
MISSING = "not measured yet"
_RATIOS = (*KINDS, "accuracy", "loss")
"""What is compared by its ratios: devices and data differ."""
_SAME = 0.005
"""A count that differs by less is the published one: those are rounded."""


def main() -> None:
    names = [name for name in sys.argv[1:] if name != "--page"]
    for table in map(read_published, names or published_tables()):
        is_wanted = bool(names) or read_record(_record_of(table)) is None
        if "--page" not in sys.argv and takes_measuring(table) and is_wanted:
            _measure(table)
    PAGE.write_text(rendered(), encoding="utf-8")


def _measure(table: PublishedTable) -> None:
    started, out = now(), OUT / table.name
    measuring = measuring_of(OPTIONS, out=out, reporter=console.reporter())
    failed = measure(table, measuring)
    record: dict[str, Any] = origin() | {
        "started": started,
        "ended": now(),
        "how": described(measuring.backend),
        "failed": {str(place): why for place, why in failed.items()},
        "runs": plain_runs(stored_runs(out / RESULTS)) if (out / RESULTS).exists() else [],
    }
    write_record(_record_of(table), record)


def _record_of(table: PublishedTable) -> str:
    return f"reproduced-{table.name}"


def rendered() -> str:
    """The page, as the records give it."""
    found = [found_of(read_published(name)) for name in published_tables()]
    lines = [
        "# Published tables, and what is found here",
        "",
        "Made by `python -m docs.make.reproduced`: what `sizewise reproduce TABLE` writes for each "
        f"published table. Speed and memory are measured by `{COMMAND}`, with random weights, "
        "which take the same time. Accuracies are those of narrow networks on `digits`. Devices "
        "and data differ, so not values are compared but their ratios to the table's reference "
        "row. Raw records: `reports/measured/reproduced-*.json`, `training-*.json` and "
        "`multiscale-ablation.json`.",
        "",
        "## What agrees, and what does not",
        "",
        grid(
            ("table", "column", "here"),
            [
                (f"`{one.table.name}`", name.replace("_", " "), said)
                for one in found
                for name, said in agreements(one).items()
            ],
            texts=3,
        ),
        "",
        *(line for one in found for line in (*_section(one), "")),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def found_of(table: PublishedTable) -> Reproduced:
    """The table with what its record holds; what it lacks says that it was not measured."""
    timed, how = _timed_cells(table) if takes_measuring(table) else ({}, "")
    trained = trained_cells(table)
    words = trained_words(table) if any(cell.value is not None for cell in trained.values()) else ""
    ways = (f"speed and memory: {how}" if how and words else how, words)
    return reproduced(table, {**timed, **trained}, "; ".join(filter(None, ways)) or COUNTED)


def _timed_cells(table: PublishedTable) -> tuple[Mapping[tuple[int, str], Found], str]:
    """The cells of the record, and what measured them."""
    record = read_record(_record_of(table))
    if record is None:
        return cells_of(table, dict.fromkeys(range(len(table.rows)), MISSING), None), MISSING
    failed = {int(place): why for place, why in record["failed"].items()}
    how = f"{record['how']}, from {record['started']} to {record['ended']}"
    return cells_of(table, failed, _records(record["runs"])), how


def _records(plain: Sequence[Any]) -> Records | None:
    return select_records(runs_of(plain), RESULTS) if plain else None


def _section(found: Reproduced) -> Iterator[str]:
    for line in markdown(found).splitlines():
        yield f"#{line}" if line.startswith("#") else line


def agreements(found: Reproduced) -> dict[str, str]:
    """By column: how what is found here agrees with what was published, in words."""
    return {name: _agreement(found, name) for name in found.table.columns}


def _agreement(found: Reproduced, name: str) -> str:
    kind = found.table.columns[name].kind
    if kind in _RATIOS:
        return _compared(found, name)
    return _gained(found, name) if kind == "gain" else _counted(found, name)


def _gained(found: Reproduced, name: str) -> str:
    """Gains themselves: they may be losses, whose ratios say nothing."""
    values = _values(found, name)
    said = (f"{row} {value:+.1f}, published {published:+.1f}" for row, value, published in values)
    return "; ".join(said) or _why(found, name)


def _counted(found: Reproduced, name: str) -> str:
    """How many are as published, and which are not."""
    values = _values(found, name)
    if not values:
        return _why(found, name)
    other = [row for row, value, published in values if abs(value / published - 1) > _SAME]
    same = f"{len(values) - len(other)} of {len(values)} as published"
    return f"{same}; not {'; '.join(other)}" if other else same


def _compared(found: Reproduced, name: str) -> str:
    """The correlation, and between what their ratios to the reference row are, over the
    published ones."""
    ratios = [
        cell.ratio / published
        for place in range(len(found.table.rows))
        if place != found.table.reference
        and (cell := found.cells.get((place, name))) is not None
        and cell.ratio
        and (published := found.published_ratio(place, name))
    ]
    if not ratios:
        return _why(found, name)
    value = found.correlation(name)
    said = f"{min(ratios):.2f} to {max(ratios):.2f} times the published ratios"
    return said if value is None else f"{said}; correlation {value:.3f}"


def _values(found: Reproduced, name: str) -> list[tuple[str, float, float]]:
    """Each row's name, with what was found and what was published, where both are numbers."""
    return [
        (named(found.table, row), cell.value, float(row.values[name]))
        for place, row in enumerate(found.table.rows)
        if name in row.values
        and (cell := found.cells.get((place, name))) is not None
        and isinstance(cell.value, (int, float))
        and not isinstance(row.values[name], str)
    ]


def _why(found: Reproduced, name: str) -> str:
    reasons = {cell.why for (_, column), cell in found.cells.items() if column == name if cell.why}
    return "; ".join(sorted(reasons)) or "not measured"


if __name__ == "__main__":
    main()
