"""The modes of a network in one table per size: accuracy, parameters, latency and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reports.analysis.fusions import FusionModes, reliable
from reports.analysis.pairs import compare_rows
from reports.analysis.tradeoffs import best_score, scored_by
from reports.columns import COLUMNS, NONE, Row
from reports.grouping import grouped
from reports.tables.by_size import UNRELIABLE, ratio_text
from reports.text.grid import grid, plain
from reports.text.words import times
from sizewise.core.trials import RECORDED_METRICS, Metric

SETTINGS = 2
"""Side by side in one table; more of them go into the next."""


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """A heading and a cell for each mode."""

    heading: str
    texts: tuple[str, ...]


def fusion_table(modes: FusionModes) -> str:
    """A row per mode. Latencies come with their ratio to the reference's in the same setting."""
    settings, names = modes.settings, [plain(mode) for mode in modes.modes]
    pages = [settings[start : start + SETTINGS] for start in range(0, len(settings), SETTINGS)]
    tables = []
    for turn, page in enumerate(pages):
        columns = [] if turn else [*_scores(modes), *_parameters(modes)]
        columns += [cells for setting in page for cells in _costs(modes, setting)]
        headings = [f"mode at {times(modes.size)}", *(column.heading for column in columns)]
        rows = zip(names, *(column.texts for column in columns), strict=True)
        tables.append(grid(headings, [list(row) for row in rows]))
    return "\n\n".join(tables)


def _scores(modes: FusionModes) -> Iterator[_Cells]:
    for metric in RECORDED_METRICS:
        means = modes.scores(metric)
        if not means:
            continue
        form = COLUMNS[metric.name].text
        best = form(best_score(means.values(), metric))
        texts = [_score(modes, mode, metric) for mode in modes.modes]
        bold = [form(means.get(mode, math.nan)) == best for mode in modes.modes]
        yield _Cells(heading=metric.title, texts=_emphasised(texts, bold))


def _score(modes: FusionModes, mode: str, metric: Metric) -> str:
    """A range where settings differ: those of other precisions do."""
    rows = [row for row in scored_by(modes.rows, metric) if row.mode == mode]
    ordered = sorted(rows, key=lambda row: row.score(metric))
    ends = dict.fromkeys(row.text(metric.name) for row in (*ordered[:1], *ordered[-1:]))
    return "–".join(ends) or NONE


def _parameters(modes: FusionModes) -> Iterator[_Cells]:
    by_mode = grouped(modes.rows, lambda row: row.mode)
    counts = [_first_known(row.parameters for row in rows) for rows in by_mode.values()]
    column = COLUMNS["parameters"]
    if not all(map(math.isnan, counts)):
        yield _Cells(heading=column.heading, texts=tuple(map(column.text, counts)))


def _first_known(values: Iterator[float]) -> float:
    return next((value for value in values if not math.isnan(value)), math.nan)


def _costs(modes: FusionModes, setting: str) -> Iterator[_Cells]:
    rows = [modes.row(mode, setting) for mode in modes.modes]
    base = modes.reference_row(setting)

    def ratio(row: Row) -> str:
        if base is None or not row.measured:
            return NONE
        if row is base:
            return "1"
        found = compare_rows(row, base)
        return ratio_text(found) + ("" if reliable(found, (row, base)) else UNRELIABLE)

    latency, peak = COLUMNS["latency_ms"], COLUMNS["peak_mib"]
    name = plain(setting)
    yield _Cells(
        heading=f"{name} ({latency.unit})",
        texts=_lowest(rows, "latency_ms", _latency, UNRELIABLE),
    )
    yield _Cells(heading=f"÷ {plain(modes.reference)}", texts=_filled(rows, ratio))
    if any(row is not None and not math.isnan(row.peak_mib) for row in rows):
        texts = _lowest(rows, "peak_mib", lambda row: row.text("peak_mib"))
        yield _Cells(heading=peak.heading, texts=texts)


_Rows = Sequence[Row | None]


def _latency(row: Row) -> str:
    return row.latency if row.measured else row.status


def _lowest(
    rows: _Rows, column: str, cell: Callable[[Row], str], unreliable: str = ""
) -> tuple[str, ...]:
    """The lowest in bold, and ``unreliable`` behind rows that are."""
    values = [math.nan if row is None else float(getattr(row, column)) for row in rows]
    lowest = min((value for value in values if not math.isnan(value)), default=math.nan)
    texts = _emphasised(_filled(rows, cell), [value == lowest for value in values])
    marks = [unreliable if row is not None and not row.reliable else "" for row in rows]
    return tuple(text + mark for text, mark in zip(texts, marks, strict=True))


def _filled(rows: _Rows, cell: Callable[[Row], str]) -> tuple[str, ...]:
    return tuple(NONE if row is None else cell(row) for row in rows)


def _emphasised(cells: Sequence[str], bold: Sequence[bool]) -> tuple[str, ...]:
    if all(bold):  # the best of equals is none
        return tuple(cells)
    return tuple(f"**{cell}**" if yes else cell for cell, yes in zip(cells, bold, strict=True))
