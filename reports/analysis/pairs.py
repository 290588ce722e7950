"""Dynamic engines against per-resolution ones of the same model, back end and size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.analysis.judged import Judged
from reports.columns import Row
from reports.rows.grouping import by_pixels, grouped, latest, measured_of
from reports.rows.labels import PAIRED_BY


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An engine for many sizes and the ``static`` one of a size. ``judged`` is of the latency of
    the first over that of the second."""

    row: Row
    static: Row
    judged: Judged


def find_pairs(rows: Iterable[Row]) -> list[tuple[Row, Row]]:
    """Every measured engine that is not static with its static one, the smallest size first."""
    ordered = by_pixels(measured_of(rows))
    static = grouped((row for row in ordered if row.strategy == "static"), _key)
    return [
        (row, one)
        for row in ordered
        if row.strategy != "static"
        for one in static.get(_key(row), ())
    ]


def _key(row: Row) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in (*PAIRED_BY, "size"))


def tied(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """Those that were not measured apart; all of them where all were."""
    return [pair for pair in pairs if pair.judged.ratio.how != "apart"] or pairs


def by_engine(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    """Pairs of each engine for many sizes, in the order in which these first appear."""
    return grouped(pairs, lambda pair: pair.row.engine)


def by_backend(pairs: Iterable[Pair], strategy: str = "dynamic") -> dict[str, list[Pair]]:
    """Pairs of one strategy and of the latest harness, in the order in which back ends appear."""
    chosen = [pair for pair in pairs if pair.row.strategy == strategy]
    newest = set(latest(pair.row for pair in chosen))
    return grouped((p for p in chosen if p.row in newest), lambda pair: pair.row.backend)
