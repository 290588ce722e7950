"""The engine to ship, what comes close to it, and why the others are left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.analysis.tradeoffs import Contest
from reports.analysis.useful import useful, why_none
from reports.choice.budget import Budget, Miss
from reports.columns import Row
from reports.load import Records
from reports.rows.grouping import by_nms, grouped, latest, measured_of
from sizewise.core.stats import Verdict, verdicts
from sizewise.core.trials import Metric

NEAR = 0.1
"""A row just misses a limit where it is over it by this share at most, and over no other."""
NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A decision among rows whose figures compare.

    ``metric`` is None where accuracy was not measured: then it is among engines of one size.
    ``chosen`` is the fastest of ``running``, and None where nothing fits. ``rivals`` fit as well
    and are not shown to be slower, each with its verdict (None: measured apart). ``near`` just miss
    the budget. ``left_out`` counts rows by what they miss; ``losses`` are points against the most
    accurate engine.
    """

    among: Sequence[Row]
    metric: Metric | None
    chosen: Row | None
    running: tuple[Row, ...]
    fitting: int
    rivals: tuple[tuple[Row, Verdict | None], ...]
    near: tuple[tuple[Row, Miss], ...]
    left_out: Mapping[str, int]
    losses: Mapping[Row, float]


def choose(records: Records, budget: Budget) -> tuple[Choice, ...]:
    """A choice for each set of rows whose figures compare: one where all were measured alike.

    The fastest image wins among rows that fit. Without a limit on the loss, only those are in the
    running that are as accurate as the most accurate that fits.
    """
    rows = _of_batch(latest(measured_of(records.rows)), budget.batch)
    found = records.verdicts.contests
    contests = [narrowed(contest, rows) for contest in found]
    filled = [contest for contest in contests if contest is not None]
    if filled:
        return tuple(_of_contest(contest, budget, records) for contest in filled)
    return tuple(_without_accuracy(rows, budget, records))


def narrowed(contest: Contest, rows: Iterable[Row]) -> Contest | None:
    """The contest among ``rows`` alone; None where none of them is in it."""
    wanted = set(rows)
    left = tuple(row for row in contest.rows if row in wanted)
    if not left:
        return None
    return Contest(metric=contest.metric, rows=left, ratios=contest.ratios)


def _of_batch(rows: Sequence[Row], batch: int | None) -> list[Row]:
    wanted = min((row.batch_size for row in rows), default=1) if batch is None else batch
    return [row for row in rows if row.batch_size == wanted]


def _of_contest(contest: Contest, budget: Budget, records: Records) -> Choice:
    peak = contest.most_accurate
    losses = {row: max(0.0, contest.gain(peak, row).point) for row in contest.rows}
    return _choice(losses, budget, records, contest)


def _without_accuracy(rows: Sequence[Row], budget: Budget, records: Records) -> Iterator[Choice]:
    """One for each size and place of NMS: what a smaller size costs is not known."""
    for alike in by_nms(rows):
        for group in grouped(alike, lambda row: row.size).values():
            yield _choice(dict.fromkeys(group, math.nan), budget, records)


def _choice(
    losses: Mapping[Row, float], budget: Budget, records: Records, contest: Contest | None = None
) -> Choice:
    missed = {row: budget.misses(row, loss) for row, loss in losses.items()}
    fitting = useful(row for row, misses in missed.items() if not misses)
    running = fitting
    if contest and fitting and budget.max_loss_points is None:
        inner = Contest(metric=contest.metric, rows=tuple(fitting), ratios=contest.ratios)
        running = list(inner.near)
    chosen = records.verdicts.ratios.fastest(running) if running else None
    return Choice(
        among=tuple(losses),
        metric=contest.metric if contest else None,
        chosen=chosen,
        running=tuple(running),
        fitting=len(fitting),
        rivals=tuple(_rivals(chosen, running, records)) if chosen else (),
        near=tuple(_near(missed)),
        left_out=_left_out(missed),
        losses=losses,
    )


def _rivals(
    chosen: Row, running: Sequence[Row], records: Records
) -> Iterator[tuple[Row, Verdict | None]]:
    """All others that are not shown to be slower. They are judged as one family."""
    others = [row for row in running if row is not chosen]
    ratios = [records.verdicts.ratios.of(row, chosen) for row in others]
    said = verdicts(ratios, records.verdicts.rigor)
    for row, verdict in zip(others, said, strict=True):
        if verdict != "SLOWER":
            yield row, verdict


def _near(missed: Mapping[Row, tuple[Miss, ...]]) -> Iterator[tuple[Row, Miss]]:
    close = [
        (row, misses[0])
        for row, misses in missed.items()
        if len(misses) == 1 and misses[0].share <= NEAR and useful([row])
    ]
    yield from sorted(close, key=lambda pair: pair[1].share)[:NAMED]


def _left_out(missed: Mapping[Row, tuple[Miss, ...]]) -> dict[str, int]:
    """How many rows miss each limit; a row that is of no use counts as that."""
    counts: Counter[str] = Counter()
    for row, misses in missed.items():
        counts.update(miss.what for miss in misses)
        if not useful([row]):
            counts[why_none([row])] += 1
    return dict(counts)
