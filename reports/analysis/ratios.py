"""Ratios between rows, each computed once: by turns, through the anchor, or apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from reports.columns import Row
from reports.rows.grouping import grouped
from sizewise.core.stats import Ratio, contrast
from sizewise.core.stats.estimates import Estimate, p_value


class Ratios:
    """The ratios between measured ``rows`` of one results file."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._known: dict[tuple[Row, Row], Ratio] = {}
        sizes = grouped((row for row in rows if row.measured), lambda row: row.size)
        self._beside = {size: [row.result for row in group] for size, group in sizes.items()}

    def of(self, row: Row, base: Row) -> Ratio:
        """Latency per image of ``row`` over that of ``base``."""
        if (base, row) in self._known:
            return self._known[base, row].inverse()
        if (row, base) not in self._known:
            among = self._beside[row.size] if row.size == base.size else ()
            ratio = contrast(row.result, base.result, among)
            self._known[row, base] = per_image(ratio, base.batch_size / row.batch_size)
        return self._known[row, base]

    def fastest(self, rows: Iterable[Row]) -> Row:
        """The one with the lowest latency per image, by ratios: milliseconds may have wandered from
        one to the next."""
        first, *others = rows
        return min(
            (first, *others), key=lambda row: 1.0 if row is first else self._over(row, first)
        )

    def _over(self, row: Row, base: Row) -> float:
        return self.of(row, base).ratio


def per_image(ratio: Ratio, factor: float) -> Ratio:
    """The ratio of calls times ``factor``, where calls hold different numbers of images."""
    if factor == 1:
        return ratio
    low, high = (None if end is None else end * factor for end in (ratio.low, ratio.high))
    return with_p(replace(ratio, ratio=ratio.ratio * factor, low=low, high=high))


def with_p(ratio: Ratio) -> Ratio:
    """``ratio`` with the chance of one so far from 1 where both are equally fast."""
    if ratio.error is None or ratio.degrees is None:
        return replace(ratio, p=None)
    one = Estimate(
        point=np.asarray(math.log(ratio.ratio)),
        variance=np.asarray(ratio.error**2),
        degrees=np.asarray(ratio.degrees),
    )
    return replace(ratio, p=float(p_value(one)))
