"""All comparisons that a report speaks of, judged together.

The more pairs are looked at, the more certain each has to be. So they are collected here, once, and
tables, sentences and plots take their verdicts from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations

from reports.analysis.fusions import compare_modes
from reports.analysis.judged import Judged
from reports.analysis.means import mean_ratio
from reports.analysis.pairs import Pair, by_backend, by_engine, find_pairs, tied
from reports.analysis.ratios import Ratios
from reports.analysis.tradeoffs import Contest, contests
from reports.analysis.ways import Way, find_ways, way_ratio
from reports.columns import Row
from reports.rows.grouping import at_largest_size, by_nms, comparable, grouped, latest, measured_of
from sizewise.core.stats import RIGORS, Ratio, Rigor, verdicts

_RowPair = tuple[Row, Row]
_Key = tuple[_RowPair, ...] | tuple[str, Row, Row]
"""One pair, all those of a mean, or a pair by the whole way."""
_WAY = "way"


class Verdicts:
    """What is said of the differences between ``rows``, at the rigor that they were measured with.

    Each pair is judged once: all that share size, batch, place of NMS and harness, those that a
    recommendation or a Pareto front rests on, the means of dynamic engines over sizes, and engines
    with NMS inside against those without, which compare by the whole way only.
    """

    def __init__(self, rows: Iterable[Row], rigor: Rigor = RIGORS["standard"]) -> None:
        self.rows = tuple(rows)
        self.rigor = rigor
        self.ratios = Ratios(self.rows)

    @cached_property
    def contests(self) -> tuple[Contest, ...]:
        """Those between accuracy and latency."""
        return tuple(contests(self.rows, self.ratios))

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Every measured engine for many sizes with its static one."""
        return tuple(
            Pair(row=row, static=static, judged=self.of(row, static))
            for row, static in find_pairs(self.rows)
        )

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """Every engine with NMS inside with its like without, where the whole way was timed."""
        return tuple(
            Way(inside=inside, after=after, judged=self._judged[_WAY, inside, after])
            for inside, after in find_ways(self.rows)
        )

    @property
    def all(self) -> Sequence[Judged]:
        """All that were judged."""
        return list(self._judged.values())

    def of(self, row: Row, base: Row) -> Judged:
        """The latency per image of ``row`` over that of ``base``. Raises KeyError for a pair that
        was not judged with the others."""
        known = self._judged.get(((row, base),))
        return known if known is not None else self._judged[((base, row),)].inverse()

    def mean(self, pairs: Sequence[Pair]) -> Judged:
        """The geometric mean over pairs of one engine, or of one back end."""
        used = tied(pairs)
        return used[0].judged if len(used) == 1 else self._judged[_key(used)]

    @cached_property
    def _judged(self) -> dict[_Key, Judged]:
        family: dict[_Key, Ratio] = {}
        for row, base in self._spoken_of():
            if ((base, row),) not in family:
                family.setdefault(((row, base),), self.ratios.of(row, base))
        for pairs in self._means():
            ratios = [pair.judged.ratio for pair in pairs]
            family.setdefault(_key(pairs), mean_ratio(ratios))
        for inside, after in find_ways(self.rows):
            family[_WAY, inside, after] = way_ratio(inside, after)
        said = verdicts(list(family.values()), self.rigor)
        return {
            key: Judged(ratio=ratio, verdict=verdict)
            for (key, ratio), verdict in zip(family.items(), said, strict=True)
        }

    def _spoken_of(self) -> Iterator[_RowPair]:
        measured = measured_of(self.rows)
        for group in grouped(measured, comparable).values():
            yield from combinations(group, 2)
        for modes in compare_modes(measured):
            for setting in grouped(modes.rows, lambda row: row.setting).values():
                yield from combinations(setting, 2)
        for contest in self.contests:
            yield from contest.spoken_of(self.rigor.margin)
        for rivals in by_nms(latest(measured)):
            largest = at_largest_size(rivals)
            fastest = self.ratios.fastest(largest)
            yield from ((fastest, row) for row in largest if row is not fastest)

    def _means(self) -> Iterator[Sequence[Pair]]:
        unjudged = [
            Pair(row=r, static=s, judged=Judged(ratio=self.ratios.of(r, s), verdict=None))
            for r, s in find_pairs(self.rows)
        ]
        for groups in (by_engine(unjudged), by_backend(unjudged)):
            yield from (used for used in map(tied, groups.values()) if len(used) > 1)


def _key(pairs: Iterable[Pair]) -> _Key:
    return tuple((pair.row, pair.static) for pair in pairs)
