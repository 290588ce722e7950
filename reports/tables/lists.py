"""Tables that list what there is. Each function gives nothing for no rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.analysis.builds import build_totals
from reports.analysis.pairs import Pair, best_mean, best_of
from reports.columns import COLUMNS, Row
from reports.grouping import grouped
from reports.tables.by_size import ratio_text
from reports.text.grid import grid, plain
from reports.text.warnings import todos
from reports.text.words import listed, times, without_folders


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    return grid(headers, rows, texts=texts) if rows else ""


def mean_table(pairs: Iterable[Pair]) -> str:
    """The geometric mean of an engine's ratios, over its reliable sizes (all where none is)."""
    engines = grouped(pairs, lambda pair: pair.row.engine)
    rows = [
        [
            plain(engine),
            f"{len(best_of(group))} of {len(group)}",
            ratio_text(best_mean(group)),
        ]
        for engine, group in engines.items()
    ]
    return _table(["engine", "sizes", "geometric mean of the ratio"], rows)


def build_table(rows: Iterable[Row]) -> str:
    """Seconds and bytes of all engines of a name, and what their layers run in."""
    build, file = COLUMNS["build_s"], COLUMNS["file_mib"]
    cells = [
        [
            plain(total.engine),
            plain(total.achieved),
            str(total.engines),
            build.text(total.build_s),
            file.text(total.file_mib),
        ]
        for total in build_totals(rows)
    ]
    headers = [
        "engine",
        COLUMNS["achieved"].title,
        "engines",
        *(f"{column.title}, all ({column.unit})" for column in (build, file)),
    ]
    return _table(headers, cells, texts=2)


def refusal_table(rows: Iterable[Row]) -> str:
    """Rows without figures, those of one engine and one reason together."""
    refused = (row for row in rows if row.status != "ok")
    groups = grouped(refused, lambda row: (row.engine, row.status, row.reason_code, row.reason))
    cells = [
        [
            plain(engine),
            listed(times(row.size) for row in group),
            status,
            plain(code),
            plain(without_folders(reason)),
        ]
        for (engine, status, code, reason), group in groups.items()
    ]
    return _table(["engine", "sizes (H×W)", "status", "code", "reason"], cells, texts=5)


def warning_table(rows: Iterable[Row]) -> str:
    """Unreliable rows, with every reason and what to do."""
    cells = [
        [
            plain(row.engine),
            row.text("size"),
            plain(row.text("warnings")),
            plain(todos(row.warning_codes)),
            row.latency,
        ]
        for row in rows
        if not row.reliable
    ]
    headers = ["engine", "size (H×W)", "why", "what to do", COLUMNS["latency_ms"].heading]
    return _table(headers, cells, texts=4)


def column_table() -> str:
    """The columns that ``reports.load.load`` gives, with their units and meanings."""
    cells = [
        [f"`{column.name}`", column.unit, plain(column.description)] for column in COLUMNS.values()
    ]
    return _table(["column", "unit", "meaning"], cells, texts=3)
