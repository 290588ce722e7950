"""Rows of two sides in pairs, by what stays the same in both."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass

from reports.columns import Row
from reports.rows.grouping import by_pixels, grouped
from reports.text.words import listed
from sizewise.core.errors import RecordError

CELL = (
    *("network", "fusion", "precision", "backend", "strategy", "graph_fusion"),
    *("batch_size", "nms", "size"),
)
"""What pairs rows, but for what the two sides were selected by."""
BESIDE = ("threads", "options", "streams", "accepted_sizes", "accepted_batches")
"""What has to be alike in a pair as well."""
LAST = ("model_sha256", "backend_version", "thread_policy", "replica", "variant")
"""What may differ between the two sides, and not within one."""
_FOLLOWS = {"backend": ("options",), "strategy": ("accepted_sizes",)}
"""What differs wherever the two sides were selected by another column."""
_NAMED = 4


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Pairs of base and new, the smallest size first, and what only one side has."""

    pairs: tuple[tuple[Row, Row], ...]
    only_base: tuple[Row, ...]
    only_new: tuple[Row, ...]


def pair_rows(
    base: Iterable[Row], new: Iterable[Row], selected_by: Collection[str] = ()
) -> Pairing:
    """Pair rows with latencies. Raises RecordError where a cell of one side holds several."""
    free = {*selected_by, *(name for one in selected_by for name in _FOLLOWS.get(one, ()))}
    keys = tuple(name for name in (*CELL, *BESIDE) if name not in free)
    sides = [grouped(by_pixels(rows), lambda row: _key(row, keys)) for rows in (base, new)]
    for side, name in zip(sides, ("the base", "the new side"), strict=True):
        for rows in side.values():
            _demand_one(rows, name)
    ours, theirs = ({key: row for key, (row,) in side.items()} for side in sides)
    return Pairing(
        pairs=tuple((row, theirs[key]) for key, row in ours.items() if key in theirs),
        only_base=tuple(row for key, row in ours.items() if key not in theirs),
        only_new=tuple(row for key, row in theirs.items() if key not in ours),
    )


def _key(row: Row, names: Sequence[str]) -> Hashable:
    return tuple(getattr(row, name) for name in names)


def _demand_one(rows: Sequence[Row], side: str) -> None:
    if len(rows) == 1:
        return
    differing = (name for name in (*CELL, *BESIDE, *LAST) if len(_values(rows, name)) > 1)
    name = next(differing, LAST[-1])
    values = _values(rows, name)
    raise RecordError(
        f"{rows[0].where} stands {len(rows)} times on {side}",
        f"these differ in {name}: {listed(values, most=_NAMED)}",
        f"Select one of them, as {name}={values[0]}.",
    )


def _values(rows: Sequence[Row], name: str) -> list[str]:
    """The values of a column, each once, as a selection takes them."""
    return list(dict.fromkeys(str(getattr(row, name)) for row in rows))
