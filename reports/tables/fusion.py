"""The modes of a network in one table per size: accuracy, parameters, latency and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reports.analysis.fusions import FusionModes
from reports.analysis.tradeoffs import best_score, scored_by
from reports.analysis.verdicts import Verdicts
from reports.columns import COLUMNS, NONE, Row
from reports.rows.grouping import grouped
from reports.text.grid import grid, plain
from reports.text.verdicts import DISTURBED, ratio_cell
from reports.text.words import times
from sizewise.core.evidence import is_tie
from sizewise.core.trials import METRICS, Metric

SETTINGS = 2
"""Side by side in one table; more of them go into the next."""


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """A heading and a cell for each mode."""

    heading: str
    texts: tuple[str, ...]


def fusion_table(modes: FusionModes, verdicts: Verdicts) -> str:
    """A row per mode. Latencies come with their ratio to the reference's in the same setting."""
    settings, names = modes.settings, [plain(mode) for mode in modes.modes]
    pages = [settings[start : start + SETTINGS] for start in range(0, len(settings), SETTINGS)]
    tables = []
    for turn, page in enumerate(pages):
        columns = [] if turn else [*_scores(modes), *_parameters(modes)]
        columns += [cells for setting in page for cells in _costs(modes, setting, verdicts)]
        headings = [f"mode at {times(modes.size)}", *(column.heading for column in columns)]
        rows = zip(names, *(column.texts for column in columns), strict=True)
        tables.append(grid(headings, [list(row) for row in rows]))
    return "\n\n".join(tables)


def _scores(modes: FusionModes) -> Iterator[_Cells]:
    for metric in METRICS:
        means = modes.scores(metric)
        if not means:
            continue
        highest = best_score(means.values(), metric)
        best = next(mode for mode in means if means[mode] == highest)
        texts = [_score(modes, mode, metric) for mode in modes.modes]
        bold = [m in means and is_tie(modes.gain(m, best, metric)) for m in modes.modes]
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


def _costs(modes: FusionModes, setting: str, verdicts: Verdicts) -> Iterator[_Cells]:
    rows = [modes.row(mode, setting) for mode in modes.modes]
    base = modes.reference_row(setting)

    def ratio(row: Row) -> str:
        if base is None or not row.measured:
            return NONE
        return "1" if row is base else ratio_cell(verdicts.of(row, base))

    latency, peak = COLUMNS["latency_ms"], COLUMNS["peak_mib"]
    texts = _emphasised(_filled(rows, _latency), _fastest(rows, verdicts))
    yield _Cells(heading=f"{plain(setting)} ({latency.unit})", texts=_marked(rows, texts))
    yield _Cells(heading=f"÷ {plain(modes.reference)}", texts=_filled(rows, ratio))
    values = [math.nan if row is None else row.peak_mib for row in rows]
    if not all(map(math.isnan, values)):
        lowest = min(value for value in values if not math.isnan(value))
        texts = _filled(rows, lambda row: row.text("peak_mib"))
        bold = [value == lowest for value in values]
        yield _Cells(heading=peak.heading, texts=_emphasised(texts, bold))


_Rows = Sequence[Row | None]


def _latency(row: Row) -> str:
    return row.latency if row.measured else row.status


def _fastest(rows: _Rows, verdicts: Verdicts) -> list[bool]:
    """Of each whether it is the fastest, or not shown to be slower."""
    measured = [row for row in rows if row is not None and row.measured]
    if not measured:
        return [False for _ in rows]
    best = verdicts.ratios.fastest(measured)
    leads = {r for r in measured if r is best or verdicts.of(r, best).verdict != "SLOWER"}
    return [row in leads and len(leads) < len(measured) for row in rows]


def _marked(rows: _Rows, texts: Sequence[str]) -> tuple[str, ...]:
    marks = [DISTURBED if row is not None and row.disturbed else "" for row in rows]
    return tuple(text + mark for text, mark in zip(texts, marks, strict=True))


def _filled(rows: _Rows, cell: Callable[[Row], str]) -> tuple[str, ...]:
    return tuple(NONE if row is None else cell(row) for row in rows)


def _emphasised(cells: Sequence[str], bold: Sequence[bool]) -> tuple[str, ...]:
    if all(bold):  # the best of equals is none
        return tuple(cells)
    return tuple(f"**{cell}**" if yes else cell for cell, yes in zip(cells, bold, strict=True))
