"""One row for each engine at each size with all that a decision needs, the fastest first."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from reports.analysis.accuracies import gain
from reports.analysis.tradeoffs import RANKED_BY
from reports.analysis.verdicts import Verdicts
from reports.choice.budget import memory_of
from reports.columns import COLUMNS, NONE, Row
from reports.rows.configured import ModelFacts
from reports.rows.grouping import measured_of
from reports.tables.by_size import leaders
from reports.text.grid import grid, plain
from reports.text.verdicts import DISTURBED
from reports.text.words import measured
from sizewise.core.evidence import is_tie
from sizewise.core.trials import Metric

_Cell = Callable[[Row], str]

NOTE = (
    "The fastest image first. Bold: the engine to ship, and the best of a column with what ties "
    "with it (of latency and rate: at its size). In brackets 95 % intervals. Layers kept: those "
    "that stay out of the model's precision, and what they run in."
)


def overview_table(
    verdicts: Verdicts,
    facts: Mapping[str, ModelFacts],
    files: Mapping[Row, str],
    chosen: Collection[Row] = (),
) -> str:
    """A row per measured engine and size; ``files`` are the engines' paths. Empty for no rows."""
    rows = fastest_first(measured_of(verdicts.rows))
    if not rows:
        return ""
    ahead = leaders(verdicts, rows)
    columns: dict[str, _Cell] = {
        "engine": lambda row: _bold(plain(row.engine), row in chosen),
        "size (H×W)": lambda row: row.text("size"),
        COLUMNS["latency_ms"].heading: lambda row: _latency(row, ahead),
        "images/s": lambda row: _bold(_rate(row), row in ahead),
        **{metric.title: _score(rows, metric) for metric in RANKED_BY if _known(rows, metric)},
        "memory (MiB)": _memory(rows),
        "calls": lambda row: f"{row.calls:,}",
        "precision achieved": lambda row: plain(row.text("achieved")),
        "layers kept": lambda row: plain(_kept(facts.get(row.model_sha256))),
        "file": lambda row: plain(files.get(row, "")) or NONE,
    }
    cells = [[cell(row) for cell in columns.values()] for row in rows]
    return grid(list(columns), cells, texts=2, last_texts=3)


def fastest_first(rows: Sequence[Row]) -> list[Row]:
    """By latency per image; rows without one come last."""
    return sorted(rows, key=lambda row: (math.isnan(row.image_ms), row.image_ms))


def _bold(text: str, is_so: bool) -> str:
    return f"**{text}**" if is_so and text != NONE else text


def _latency(row: Row, ahead: Collection[Row]) -> str:
    return _bold(row.latency, row in ahead) + (DISTURBED if row.disturbed else "")


def _rate(row: Row) -> str:
    return measured(row.images_per_s, row.images_low_per_s, row.images_high_per_s, digits=3)


def _kept(model: ModelFacts | None) -> str:
    if model is None or not model.kept:
        return NONE
    return f"{len(model.kept)} in {model.kept_in}" if model.kept_in else str(len(model.kept))


def _known(rows: Sequence[Row], metric: Metric) -> bool:
    return any(not math.isnan(row.score(metric)) for row in rows)


def _score(rows: Sequence[Row], metric: Metric) -> _Cell:
    """Bold are the most accurate, and those that tie with them, unless that is all."""
    scored = [row for row in rows if not math.isnan(row.score(metric))]
    best = max(scored, key=lambda row: row.score(metric))
    tied = {row for row in scored if is_tie(gain(row, best, metric))}

    def cell(row: Row) -> str:
        text = row.text(metric.name)
        if row in scored and not math.isnan(row.accuracy_low):
            text += f" ({row.accuracy_low:.3f}–{row.accuracy_high:.3f})"
        return _bold(text, row in tied and len(tied) < len(scored))

    return cell


def _memory(rows: Sequence[Row]) -> _Cell:
    known = [memory_of(row) for row in rows if not math.isnan(memory_of(row))]
    least = round(min(known, default=math.nan)) if known else None

    def cell(row: Row) -> str:
        value = memory_of(row)
        text = NONE if math.isnan(value) else f"{value:.0f}"
        return _bold(text, text == str(least))

    return cell
