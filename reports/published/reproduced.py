"""What was found for each cell of a published table, beside what was published.

Devices differ, so values are not compared, but their ratios to the table's reference row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reports.published.table import PublishedTable

LEAST = 3
"""Rows that a correlation takes."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A cell as it was found here, in the column's unit, with the ratio to the reference row and
    its 95 % interval; or ``why`` there is none. A text stands for itself."""

    value: float | str | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """``cells`` are by row number and column; ``how`` says what measured them."""

    table: PublishedTable
    cells: Mapping[tuple[int, str], Found]
    how: str

    def published_ratio(self, row: int, column: str) -> float | None:
        """The published value over the reference row's; None for texts, and where one is not
        there."""
        table = self.table
        value = table.rows[row].values.get(column)
        base = table.rows[table.reference].values.get(column)
        if isinstance(value, str) or isinstance(base, str) or value is None or not base:
            return None
        return value / base

    def pairs(self, column: str) -> list[tuple[float, float]]:
        """Both ratios, published and found here, of each row that has both."""
        return [
            (published, found.ratio)
            for row in range(len(self.table.rows))
            if (found := self.cells.get((row, column))) is not None
            and found.ratio
            and (published := self.published_ratio(row, column))
        ]

    def correlation(self, column: str) -> float | None:
        """Pearson's, of the logarithms of both columns of ratios; None with fewer than three rows
        that have both, or where one column has one value only."""
        return correlated(self.pairs(column))


def correlated(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The same of any pairs; None where one is not above 0 and has no logarithm."""
    if len(pairs) < LEAST or min(map(min, pairs)) <= 0:
        return None
    logs = np.log(np.array(pairs)).T
    if np.ptp(logs, axis=1).min() == 0:
        return None
    return float(np.corrcoef(logs)[0, 1])


def with_ratios(
    table: PublishedTable, values: Mapping[tuple[int, str], Found]
) -> dict[tuple[int, str], Found]:
    """``values`` with the ratio of each to the reference row of its column, where both are numbers
    and none is known yet."""
    found = dict(values)
    for (row, column), cell in values.items():
        base = values.get((table.reference, column))
        if cell.ratio is None and base is not None:
            found[row, column] = _over(cell, base)
    return found


def _over(cell: Found, base: Found) -> Found:
    if not isinstance(cell.value, float | int) or not isinstance(base.value, float | int):
        return cell
    if base.value <= 0 or not math.isfinite(cell.value):  # of a loss, a ratio says nothing
        return cell
    return Found(value=cell.value, ratio=cell.value / base.value, why=cell.why)
