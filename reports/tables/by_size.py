"""Tables with a row per engine and a column per size. Each function gives nothing for no rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from reports.analysis.accuracies import gain, measured_alike
from reports.analysis.tradeoffs import best_score, scored_by
from reports.analysis.useful import useful
from reports.analysis.verdicts import Verdicts
from reports.columns import COLUMNS, NONE, Row
from reports.rows.grouping import comparable, grouped, measured_of, sizes_of
from reports.text.grid import grid, plain
from reports.text.verdicts import DISTURBED, ratio_cell
from reports.text.words import times
from sizewise.core.evidence import is_tie
from sizewise.core.specs import Size
from sizewise.core.trials import Metric

SIDE_BY_SIDE = 6
"""Sizes in one table; more of them go into the next."""


def best_engines_first(rows: Iterable[Row], value: Callable[[Row], float]) -> list[Row]:
    """The rows of the engine with the lowest values first, by its mean rank over sizes; engines
    without any come last."""
    rows = list(rows)
    known = [row for row in rows if not math.isnan(value(row))]
    ranks: dict[str, list[int]] = {}
    for group in grouped(known, lambda row: row.size).values():
        values = sorted(map(value, group))
        for row in group:
            ranks.setdefault(row.engine, []).append(values.index(value(row)))
    means = {engine: sum(own) / len(own) for engine, own in ranks.items()}
    return sorted(rows, key=lambda row: means.get(row.engine, math.inf))


def by_size(title: str, rows: Iterable[Row], cell: Callable[[Row], str]) -> str:
    """Engines down, sizes across, in pages of ``SIDE_BY_SIDE`` sizes."""
    rows = list(rows)
    texts = {(row.engine, row.size): cell(row) for row in rows}
    return _pages(f"{title}, H×W", sizes_of(rows), texts)


def _pages(title: str, sizes: Sequence[Size], texts: Mapping[tuple[str, Size], str]) -> str:
    engines = list(dict.fromkeys(engine for engine, _ in texts))
    pages = [sizes[start : start + SIDE_BY_SIDE] for start in range(0, len(sizes), SIDE_BY_SIDE)]
    return "\n\n".join(
        grid(
            [title, *map(times, page)],
            [
                [plain(engine), *(texts.get((engine, size), NONE) for size in page)]
                for engine in engines
            ],
        )
        for page in pages
    )


def latency_table(verdicts: Verdicts, rows: Sequence[Row] | None = None) -> str:
    """Median milliseconds per call, with interval; bold are the fastest engine of each size and
    those that are not shown to be slower, unless that is all of them. One that finds nothing, or
    whose outputs are in doubt, is none of these.

    Of all rows or of some, which are judged as among all.
    """
    shown = verdicts.rows if rows is None else rows
    ahead = leaders(verdicts, shown)

    def cell(row: Row) -> str:
        if not row.measured:
            return row.status
        text = f"**{row.latency}**" if row in ahead else row.latency
        return text + (DISTURBED if row.disturbed else "")

    ordered = best_engines_first(shown, lambda row: row.image_ms)
    return by_size(COLUMNS["latency_ms"].heading, ordered, cell)


def leaders(verdicts: Verdicts, rows: Iterable[Row]) -> set[Row]:
    """The fastest of each size and those that are not shown to be slower; none where that is
    all."""
    found: set[Row] = set()
    for group in grouped(measured_of(rows), comparable).values():
        rivals = useful(group)
        if not rivals:
            continue
        best = verdicts.ratios.fastest(rivals)
        slower = [r for r in rivals if r is not best and verdicts.of(r, best).verdict == "SLOWER"]
        if slower:
            found |= {row for row in rivals if row not in slower}
    return found


def accuracy_table(rows: Iterable[Row], metric: Metric) -> str:
    """One metric (0–1) of every engine at every size, with interval where there is one; bold are
    the best and those that tie with it, unless that is all of them. Accuracies that were not
    measured alike stand in tables of their own."""
    heading = COLUMNS[metric.name].heading
    alike = list(grouped(scored_by(rows, metric), measured_alike).values())
    several = len(alike) > 1
    tables = (
        _accuracies(group, metric, f"{heading}{_measured_on(group[0]) if several else ''}")
        for group in alike
    )
    return "\n\n".join(tables)


def _measured_on(row: Row) -> str:
    chosen = f" ({row.accuracy_chosen})" if row.accuracy_chosen else ""
    nms = f", NMS: {row.accuracy_nms}" if row.accuracy_nms else ""
    return f" on {row.accuracy_images} images of {row.data_sha256[:12]}{chosen}{nms}"


def _accuracies(scored: Sequence[Row], metric: Metric, heading: str) -> str:
    highest = best_score((row.score(metric) for row in scored), metric)
    best = next((row for row in scored if row.score(metric) == highest), None)
    leaders = [r for r in scored if best is not None and is_tie(gain(r, best, metric))]

    def cell(row: Row) -> str:
        text = row.text(metric.name)
        if metric.ranks and not math.isnan(row.accuracy_low):
            text += f" ({row.accuracy_low:.3f}–{row.accuracy_high:.3f})"
        return f"**{text}**" if row in leaders and len(leaders) < len(scored) else text

    sign = 1 if metric.lower_is_better else -1
    return by_size(heading, best_engines_first(scored, lambda r: sign * r.score(metric)), cell)


def ratio_table(verdicts: Verdicts) -> str:
    """Latency of one engine for many sizes over that of the engine made for the size."""
    pairs = verdicts.pairs
    texts = {(pair.row.engine, pair.row.size): ratio_cell(pair.judged) for pair in pairs}
    return _pages("latency ratio, H×W", sizes_of(pair.row for pair in pairs), texts)
