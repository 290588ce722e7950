"""Tables that list what there is. Each function gives nothing for no rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.analysis.builds import build_totals
from reports.analysis.pairs import by_engine, tied
from reports.analysis.verdicts import Verdicts
from reports.columns import COLUMNS, Row
from reports.rows.grouping import grouped
from reports.text.disturbances import todos
from reports.text.grid import grid, plain
from reports.text.verdicts import ratio_cell
from reports.text.words import listed, times, without_folders


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    return grid(headers, rows, texts=texts) if rows else ""


def mean_table(verdicts: Verdicts) -> str:
    """The geometric mean of an engine's ratios, over its sizes that were not measured apart (all
    where all were)."""
    rows = [
        [plain(engine), f"{len(tied(group))} of {len(group)}", ratio_cell(verdicts.mean(group))]
        for engine, group in by_engine(verdicts.pairs).items()
    ]
    return _table(["engine", "sizes", "geometric mean of the ratio"], rows)


def build_table(rows: Iterable[Row]) -> str:
    """Seconds, bytes and memory of all engines of a name, and what their layers run in."""
    build, file, peak = (COLUMNS[name] for name in ("build_s", "file_mib", "build_peak_mib"))
    cells = [
        [
            plain(total.engine),
            plain(total.achieved),
            str(total.engines),
            str(total.builds),
            build.text(total.build_s),
            file.text(total.file_mib),
            peak.text(total.peak_mib),
        ]
        for total in build_totals(rows)
    ]
    headers = [
        "engine",
        COLUMNS["achieved"].title,
        *("engines", "builds"),
        *(f"{column.title}, all ({column.unit})" for column in (build, file)),
        peak.heading,
    ]
    return _table(headers, cells, texts=2)


def refusal_table(rows: Iterable[Row]) -> str:
    """Rows without figures, and those of which a process failed; those of one engine and one reason
    together."""
    refused = (row for row in rows if row.status != "ok" or row.reason)
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


def disturbed_table(rows: Iterable[Row]) -> str:
    """Disturbed rows, with every reason and what to do."""
    cells = [
        [
            plain(row.engine),
            row.text("size"),
            plain(row.text("disturbances")),
            plain(todos(row.disturbance_codes)),
            row.latency,
        ]
        for row in rows
        if row.disturbed
    ]
    headers = ["engine", "size (H×W)", "why", "what to do", COLUMNS["latency_ms"].heading]
    return _table(headers, cells, texts=4)


def unscored_table(rows: Iterable[Row]) -> str:
    """Measured rows without an accuracy that was requested, those of one reason together."""
    lost = (row for row in rows if row.accuracy_reason)
    groups = grouped(lost, lambda row: (row.engine, row.accuracy_reason))
    cells = [
        [plain(engine), listed(times(row.size) for row in group), plain(without_folders(reason))]
        for (engine, reason), group in groups.items()
    ]
    return _table(["engine", "sizes (H×W)", "no accuracy, because"], cells, texts=3)


def column_table() -> str:
    """The columns that ``reports.load.load`` gives, with their units and meanings."""
    cells = [
        [f"`{column.name}`", column.unit, plain(column.description)] for column in COLUMNS.values()
    ]
    return _table(["column", "unit", "meaning"], cells, texts=3)
