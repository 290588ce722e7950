"""The modes of a network in one table per size: accuracy, parameters, latency and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from reports.analysis.fusions import Comparison, latency_ratio, trusted
from reports.load import METRICS, Records
from reports.tables.by_size import DOUBTED, NONE, best_score, ratio_text
from reports.text.grid import grid, plain
from reports.text.words import measured

SETTINGS = 2
"""Side by side in one table; more of them go into the next."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading and a cell for each mode."""

    title: str
    cells: tuple[str, ...]


def fusion_table(records: Records, comparison: Comparison) -> str:
    """A row per mode. Latencies come with their ratio to the reference's in the same setting."""
    settings, modes = comparison.settings, [plain(mode) for mode in comparison.modes]
    pages = [settings[start : start + SETTINGS] for start in range(0, len(settings), SETTINGS)]
    tables = []
    for turn, page in enumerate(pages):
        columns = [] if turn else [*_scores(comparison), *_parameters(comparison)]
        columns += [c for setting in page for c in _costs(records, comparison, setting)]
        titles = [f"mode at {comparison.size}", *(column.title for column in columns)]
        rows = zip(modes, *(column.cells for column in columns), strict=True)
        tables.append(grid(titles, [list(row) for row in rows]))
    return "\n\n".join(tables)


def _scores(comparison: Comparison) -> Iterator[Column]:
    for metric, name in METRICS.items():
        means = comparison.scores(metric)
        if means.empty:
            continue
        best = f"{best_score(means, metric):.3f}"
        cells = [_score(comparison, mode, metric) for mode in comparison.modes]
        bold = [f"{means.get(mode, float('nan')):.3f}" == best for mode in comparison.modes]
        yield Column(title=name, cells=_emphasised(cells, bold))


def _score(comparison: Comparison, mode: str, metric: str) -> str:
    """A range where settings differ: those of other precisions do."""
    values = comparison.rows.loc[comparison.rows["mode"] == mode, metric].dropna()
    if values.empty:
        return NONE
    ends = dict.fromkeys(f"{value:.3f}" for value in (values.min(), values.max()))
    return "–".join(ends)


def _parameters(comparison: Comparison) -> Iterator[Column]:
    known = comparison.rows.groupby("mode", sort=False)["parameters"].first()
    if known.notna().any():
        cells = (f"{count:,.0f}" if count > 0 else NONE for count in known)
        yield Column(title="parameters", cells=tuple(cells))


def _costs(records: Records, comparison: Comparison, setting: str) -> Iterator[Column]:
    rows = [comparison.row(mode, setting) for mode in comparison.modes]
    base = comparison.reference_row(setting)

    def ratio(row: pd.Series) -> str:
        if base is None or pd.isna(row["median_ms"]):
            return NONE
        if row.name == base.name:
            return "1"
        found = latency_ratio(records, row, base)
        return ratio_text(found) + ("" if trusted(found, (row, base)) else DOUBTED)

    name = plain(setting)
    yield Column(title=f"{name} (ms)", cells=_lowest(rows, "median_ms", _latency))
    yield Column(title=f"÷ {plain(comparison.reference)}", cells=_filled(rows, ratio))
    if any(row is not None and pd.notna(row["peak_mib"]) for row in rows):
        yield Column(title="peak (MiB)", cells=_lowest(rows, "peak_mib", _peak))


_Rows = Sequence[pd.Series | None]


def _latency(row: pd.Series) -> str:
    if pd.isna(row["median_ms"]):
        return str(row["status"])
    return measured(row["median_ms"], row["low_ms"], row["high_ms"])


def _peak(row: pd.Series) -> str:
    return NONE if pd.isna(row["peak_mib"]) else f"{row['peak_mib']:.0f}"


def _lowest(rows: _Rows, column: str, cell: Callable[[pd.Series], str]) -> tuple[str, ...]:
    """With the lowest in bold and the doubtful latencies marked."""
    values = [float("nan") if row is None else float(row[column]) for row in rows]
    lowest = pd.Series(values).min()
    cells = _emphasised(_filled(rows, cell), [value == lowest for value in values])
    doubted = [column == "median_ms" and row is not None and bool(row["doubts"]) for row in rows]
    return tuple(text + DOUBTED * mark for text, mark in zip(cells, doubted, strict=True))


def _filled(rows: _Rows, cell: Callable[[pd.Series], str]) -> tuple[str, ...]:
    return tuple(NONE if row is None else cell(row) for row in rows)


def _emphasised(cells: Sequence[str], bold: Sequence[bool]) -> tuple[str, ...]:
    if all(bold):  # the best of equals is none
        return tuple(cells)
    return tuple(f"**{cell}**" if yes else cell for cell, yes in zip(cells, bold, strict=True))
