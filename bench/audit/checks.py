"""The table of an audit: what was checked, what was found, and whether it holds here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench.audit.audited import Audit
from bench.audit.null import MEDIAN_NS, P99_NS
from bench.audit.parity import HIGH, LOW, MEDIAN_HIGH, MEDIAN_LOW, Parity
from bench.audit.sight import Sight
from bench.audit.twins import FEW, MANY, PLANTED, Judged, Twins
from sizewise.core.disturbances import MAX_LOAD
from sizewise.core.stats import Interval

Answer = Literal["yes", "no", "not shown", ""]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line. ``holds`` is empty where nothing is wanted: it is information."""

    name: str
    found: str
    wanted: str = ""
    holds: Answer = ""


def checks(audit: Audit) -> tuple[Check, ...]:
    """All lines, in the order in which they were measured."""
    return (
        _overhead(audit),
        *_twins(audit.twins),
        *map(_parity, audit.parity),
        *_fairness(audit),
        *(Check(name=one.label, found=f"not measured: {one.reason}") for one in audit.skipped),
        Check(name="other images in each call ÷ the same", found=shown(audit.fresh_inputs)),
        *_sight(audit),
    )


def _overhead(audit: Audit) -> Check:
    found = audit.overhead.harness
    return Check(
        name=f"an engine that does nothing, {audit.overhead.calls:,} calls",
        found=f"median {found.median_ns / 1e3:.2f} µs, p99 {found.p99_ns / 1e3:.2f} µs",
        wanted=f"at most {MEDIAN_NS / 1e3:g} and {P99_NS / 1e3:g} µs",
        holds="yes" if found.within else "no" if audit.overhead.at_fault else "not shown",
    )


def _twins(twins: Twins) -> Iterator[Check]:
    for one in twins.same:
        yield Check(
            name=f"the same engine twice ({twins.backend})",
            found=_judged(one),
            wanted="neither FASTER nor SLOWER",
            holds="no" if one.different else "yes",
        )
    for one in twins.planted:
        yield Check(
            name=f"{MANY} convolutions ÷ {FEW} ({twins.backend})",
            found=_judged(one),
            wanted=f"SLOWER, about {PLANTED:.2f}",
            holds="yes" if one.about_planted else "no" if one.different else "not shown",
        )


def _judged(one: Judged) -> str:
    ratio = Interval(point=one.ratio.ratio, low=one.ratio.low, high=one.ratio.high)
    return f"{shown(ratio)}: {one.verdict or 'no verdict'}"


def _parity(cell: Parity) -> Check:
    return Check(
        name=f"{cell.label} ÷ the library by itself",
        found=shown(cell.ratio),
        wanted=f"{LOW}–{HIGH}",
        holds="not shown" if not cell.shown else "no" if cell.outside else "yes",
    )


def _fairness(audit: Audit) -> Iterator[Check]:
    if found := audit.fairness:
        within = MEDIAN_LOW <= found.median <= MEDIAN_HIGH
        yield Check(
            name=f"median of these {found.cells}",
            found=f"{found.median:.3f}",
            wanted=f"{MEDIAN_LOW}–{MEDIAN_HIGH}",
            holds="not shown" if found.not_shown else "yes" if within else "no",
        )


def _sight(audit: Audit) -> Iterator[Check]:
    sight = audit.sight
    missing = f"; not {', '.join(sight.missing)}" if sight.missing else ""
    yield Check(name="readings that the system gives", found=f"{', '.join(sight.given)}{missing}")
    disturbed = sum(bool(one.disturbed) for one in sight.quiet)
    yield Check(
        name="rounds disturbed without a burner", found=f"{disturbed} of {len(sight.quiet)}"
    )
    yield Check(
        name=f"a burner takes {100 * sight.burnt:.0f} % of the cores",
        found=f"seen as {100 * sight.seen:.0f} %, "
        f"{sight.flagged} of {len(sight.beside_burner)} rounds disturbed",
        wanted="all rounds disturbed" if sight.burnt > MAX_LOAD else "",
        holds=_flagged(sight),
    )


def _flagged(sight: Sight) -> Answer:
    """Where others are busy already, rounds beside the burner tell nothing of it."""
    if sight.burnt <= MAX_LOAD:
        return ""
    if sight.busy:
        return "not shown"
    return "yes" if sight.flagged == len(sight.beside_burner) else "no"


def shown(ratio: Interval) -> str:
    """A ratio with its interval."""
    if ratio.low is None or ratio.high is None:
        return f"{ratio.point:.3f}"
    return f"{ratio.point:.3f} ({ratio.low:.3f}–{ratio.high:.3f})"
