"""The Pareto front of accuracy and latency, as far as it is known."""

from __future__ import annotations

from reports.analysis.tradeoffs import Contest
from reports.analysis.useful import useful
from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.rows.grouping import comparable, grouped
from sizewise.core.evidence import is_more


def pareto_front(contest: Contest, verdicts: Verdicts) -> list[Row]:
    """Rows that find something and that no other such row is shown to beat, fastest image first;
    none where no row finds anything.

    One beats another that is not shown to be more accurate where it is faster, or where it is as
    fast and more accurate. Held against each row are those of its size, and its two strongest
    rivals at other sizes (``Contest.challengers``).
    """
    rows = useful(contest.rows)
    ordered = sorted(rows, key=lambda row: (row.image_ms, -row.score(contest.metric)))
    beside = grouped(ordered, comparable)
    unbeaten = [
        row
        for row in ordered
        if not any(
            _beats(other, row, contest, verdicts)
            for other in (
                *beside[comparable(row)],
                *useful(contest.challengers(row, verdicts.rigor.margin)),
            )
            if other is not row
        )
    ]
    return unbeaten or ordered[:1]  # verdicts on noisy rows may go round in a circle


def _beats(a: Row, b: Row, contest: Contest, verdicts: Verdicts) -> bool:
    verdict = verdicts.of(a, b).verdict
    if verdict == "FASTER":
        return not is_more(contest.gain(b, a))
    return verdict == "SAME" and is_more(contest.gain(a, b))
