"""New over base: every pair, every size, and all of them, judged together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.analysis.accuracies import gain, measured_alike
from reports.analysis.judged import Judged
from reports.analysis.means import mean_ratio
from reports.analysis.ratios import per_image
from reports.analysis.tradeoffs import RANKED_BY
from reports.columns import Row
from reports.comparison.pairing import Pairing
from reports.rows.grouping import grouped
from sizewise.core.specs import Size
from sizewise.core.stats import Interval, Ratio, Rigor, contrast, verdicts
from sizewise.core.trials import Metric


@dataclass(frozen=True, kw_only=True)
class ComparedPair:
    """``judged`` is of the latency of ``new`` over that of ``base``; ``gained`` by how much more
    accurate ``new`` is, 0–1 (None: not measured on the same images)."""

    base: Row
    new: Row
    judged: Judged
    metric: Metric | None = None
    gained: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """``sizes`` and ``overall`` are geometric means of pairs, judged in the same family.

    ``threshold`` is the share by which a certain slow-down may be slower. What no pair has stands
    in ``pairing``.
    """

    pairs: tuple[ComparedPair, ...]
    sizes: tuple[tuple[Size, Judged], ...]
    overall: Judged
    pairing: Pairing
    rigor: Rigor
    threshold: float

    @property
    def regressions(self) -> tuple[ComparedPair, ...]:
        """Pairs that are certainly slower, by more than the threshold."""
        return tuple(pair for pair in self.pairs if self._is_regression(pair.judged))

    @property
    def slower_means(self) -> tuple[tuple[Size | None, Judged], ...]:
        """The means of which this is so, by their sizes: that of all together has none."""
        means = ((None, self.overall), *self.sizes)
        return tuple((size, judged) for size, judged in means if self._is_regression(judged))

    @property
    def regressed(self) -> bool:
        """Whether a pair, a size or all together became slower by more than the threshold."""
        return bool(self.regressions or self.slower_means)

    @property
    def in_doubt(self) -> tuple[ComparedPair, ...]:
        """Pairs that are not decided, were measured apart, or were disturbed."""
        return tuple(
            pair
            for pair in self.pairs
            if not pair.judged.decided or pair.base.disturbed or pair.new.disturbed
        )

    def _is_regression(self, judged: Judged) -> bool:
        return judged.verdict == "SLOWER" and judged.ratio.ratio > 1 + self.threshold


def compare_pairs(
    pairing: Pairing, rigor: Rigor, *, same_file: bool, threshold: float
) -> Comparison:
    """Judge all pairs, the mean of each size and the mean of all as one family; there is a pair at
    least."""
    ratios = [_ratio(new, base, pairing, same_file=same_file) for base, new in pairing.pairs]
    by_size = grouped(range(len(ratios)), lambda place: pairing.pairs[place][0].size)
    means = [mean_ratio([ratios[place] for place in places]) for places in by_size.values()]
    family = [*ratios, *means, mean_ratio(ratios)]
    judged = [
        Judged(ratio=ratio, verdict=verdict)
        for ratio, verdict in zip(family, verdicts(family, rigor), strict=True)
    ]
    return Comparison(
        pairs=tuple(
            _pair(base, new, one) for (base, new), one in zip(pairing.pairs, judged, strict=False)
        ),
        sizes=tuple(zip(by_size, judged[len(ratios) : -1], strict=True)),
        overall=judged[-1],
        pairing=pairing,
        rigor=rigor,
        threshold=threshold,
    )


def _ratio(new: Row, base: Row, pairing: Pairing, *, same_file: bool) -> Ratio:
    beside = _beside(base.size, pairing.pairs) if same_file else ()
    ratio = contrast(new.result, base.result, [row.result for row in beside], same_file=same_file)
    return per_image(ratio, base.batch_size / new.batch_size)


def _beside(size: Size, pairs: Sequence[tuple[Row, Row]]) -> list[Row]:
    return [row for pair in pairs for row in pair if row.size == size]


def _pair(base: Row, new: Row, judged: Judged) -> ComparedPair:
    for metric in RANKED_BY:
        known = not any(math.isnan(row.score(metric)) for row in (base, new))
        if known and measured_alike(base) == measured_alike(new):
            found = gain(new, base, metric)
            return ComparedPair(base=base, new=new, judged=judged, metric=metric, gained=found)
    return ComparedPair(base=base, new=new, judged=judged)
