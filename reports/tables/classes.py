"""The accuracy of each class, where an engine's is a mean over classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reports.columns import NONE, Row
from reports.rows.grouping import at_largest_size
from reports.text.grid import grid, plain
from reports.text.words import times

SIDE_BY_SIDE = 6
"""Engines in one table; more of them go into the next."""


def class_table(rows: Iterable[Row]) -> str:
    """IoU (0–1) of every class in every engine, at the largest size; nothing where there are no
    classes."""
    scored = at_largest_size(row for row in rows if _ious(row))
    pages = [scored[start : start + SIDE_BY_SIDE] for start in range(0, len(scored), SIDE_BY_SIDE)]
    names = list(dict.fromkeys(name for row in scored for name in _ious(row)))
    return "\n\n".join(
        grid(
            [f"IoU (0–1) of a class at {times(page[0].size)}", *(plain(r.engine) for r in page)],
            [[plain(name), *(_cell(row, name) for row in page)] for name in names],
        )
        for page in pages
    )


def _ious(row: Row) -> Mapping[str, float]:
    known = row.result.accuracy
    return known.iou_by_class if known is not None and row.accuracy_images else {}


def _cell(row: Row, name: str) -> str:
    ious = _ious(row)
    return f"{ious[name]:.3f}" if name in ious else NONE
