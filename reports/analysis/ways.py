"""Engines with NMS inside against those without, by the whole way from picture to objects."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from reports.analysis.judged import Judged
from reports.columns import Row
from reports.rows.calls import disturbed_ways, rebuilds_of, whole_way
from reports.rows.grouping import by_pixels, grouped, latest, measured_of
from reports.rows.labels import PAIRED_BY
from sizewise.core.stats import Ratio, is_crowded, process_ratio

_OF_NMS = ("nms", "model_sha256", "variant")
"""What differs between a model with NMS inside and without it, beside its name."""
_NETWORK = ("network", "fusion")
_OF_ROW = ("strategy", "accepted_sizes", "size")
_ALIKE = tuple(name for name in PAIRED_BY if name not in (*_OF_NMS, *_NETWORK))


@dataclass(frozen=True, kw_only=True)
class Way:
    """Two engines of one size that differ in where NMS is done. ``judged`` is of the whole way with
    ``inside`` over that with ``after``, and says nothing of their bare calls."""

    inside: Row
    after: Row
    judged: Judged


def find_ways(rows: Iterable[Row]) -> list[tuple[Row, Row]]:
    """Each engine with NMS inside, with those of the same settings that leave NMS to what follows:
    of its network where there are any, else of all. The smallest size comes first.

    Both have a time of the whole way, of the same pictures.
    """
    timed = [row for row in by_pixels(latest(measured_of(rows))) if whole_way(row.result)]
    others = grouped((row for row in timed if not row.nms), _key)
    return [
        (row, other)
        for row in timed
        if row.nms
        for other in _of_network(row, others.get(_key(row), ()))
        if _same_pictures(row, other)
    ]


def way_ratio(inside: Row, after: Row) -> Ratio:
    """The whole way with the first over that with the second, by the processes that shared
    waves."""
    ours, theirs = inside.result, after.result
    return process_ratio(
        whole_way(ours),
        whole_way(theirs),
        rebuilds_of(ours, theirs),
        disturbed_ways(ours, theirs),
        crowded=is_crowded(ours) or is_crowded(theirs),
    )


def _key(row: Row) -> Hashable:
    """Equal in rows that differ in their network and in the place of NMS at most."""
    return _values(row, (*_ALIKE, *_OF_ROW))


def _of_network(row: Row, others: Sequence[Row]) -> Sequence[Row]:
    same = [other for other in others if _values(other, _NETWORK) == _values(row, _NETWORK)]
    return same or others


def _same_pictures(*both: Row) -> bool:
    """As many, and of one data set as far as their accuracies tell which."""
    counts = {len(part.latency_ns) for row in both for part in row.result.end_to_end}
    data = {(row.data_sha256, row.accuracy_chosen) for row in both if row.data_sha256}
    return len(counts) == 1 and len(data) <= 1


def _values(row: Row, names: Iterable[str]) -> tuple[Hashable, ...]:
    return tuple(getattr(row, name) for name in names)
