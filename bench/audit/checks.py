"""The table of an audit: what was checked, what was found, and whether it holds here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.audit.answers import Answer
from bench.audit.audited import Audit
from bench.audit.null import MEDIAN_NS, P99_NS
from bench.audit.parity import HIGH, LOW, MEDIAN_HIGH, MEDIAN_LOW, Parity
from bench.audit.sight import Sight
from bench.audit.twins import FEW, MANY, PLANTED, RIGOR, Judged, Twins
from sizewise.core.stats import Interval
from sizewise.core.trials.disturbances import MAX_LOAD


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line. ``holds`` is empty where nothing is wanted: it is information."""

    name: str
    found: str
    wanted: str = ""
    holds: Answer | Literal[""] = ""


def checks(audit: Audit) -> tuple[Check, ...]:
    """All lines, in the order in which they were measured."""
    return (
        _overhead(audit),
        *_twins(audit.twins),
        *map(_parity, audit.parity),
        *_fairness(audit),
        *_cpu(audit.parity),
        *(Check(name=one.label, found=f"not measured: {one.reason}") for one in audit.skipped),
        *(Check(name=one.label, found=f"left out: {one.reason}") for one in audit.left_out),
        Check(name="other images in each call ÷ the same", found=shown(audit.fresh_inputs)),
        *_sight(audit),
    )


def _overhead(audit: Audit) -> Check:
    found = audit.overhead.harness
    return Check(
        name=f"an engine that does nothing, {audit.overhead.calls:,} calls",
        found=f"median {found.median_ns / 1e3:.2f} µs, p99 {found.p99_ns / 1e3:.2f} µs",
        wanted=f"at most {MEDIAN_NS / 1e3:g} and {P99_NS / 1e3:g} µs",
        holds=audit.overhead.answer,
    )


def _twins(twins: Twins) -> Iterator[Check]:
    for one in twins.same:
        yield Check(
            name=f"the same engine twice ({twins.backend})",
            found=_judged(one),
            wanted=f"SAME, in {RIGOR.min_waves} processes or more",
            holds=one.same,
        )
    for one in twins.planted:
        yield Check(
            name=f"{MANY} convolutions ÷ {FEW} ({twins.backend})",
            found=_judged(one),
            wanted=f"SLOWER, about {PLANTED:.2f}",
            holds=one.planted,
        )
    marked = twins.rows_disturbed
    rows = "" if marked is None else f"; {marked} of {twins.engines} engines marked"
    yield Check(
        name="disturbed attempts at rounds of these engines",
        found=f"{twins.disturbed} of {twins.rounds}{rows}",
    )


def _judged(one: Judged) -> str:
    ratio = Interval(point=one.ratio.ratio, low=one.ratio.low, high=one.ratio.high)
    return f"{shown(ratio)}: {one.verdict or 'no verdict'}"


def _parity(cell: Parity) -> Check:
    return Check(
        name=f"{cell.label} ÷ the library by itself",
        found=shown(cell.ratio),
        wanted=f"not wholly outside {LOW}–{HIGH}",
        holds=cell.answer,
    )


def _fairness(audit: Audit) -> Iterator[Check]:
    if found := audit.fairness:
        median = "none" if found.median is None else f"{found.median:.3f}"
        yield Check(
            name=f"{found.shown} of these {found.planned} are shown: their median",
            found=median,
            wanted=f"{MEDIAN_LOW}–{MEDIAN_HIGH}, of half or more, none outside",
            holds=found.answer,
        )


def _cpu(cells: Sequence[Parity]) -> Iterator[Check]:
    """The least and the most of all cells, as information: threads that may not run as the
    library's show here first."""
    ratios = [ratio.point for cell in cells if (ratio := cell.cpu_ratio) is not None]
    if ratios:
        yield Check(
            name="CPU time over wall time in these ÷ in the libraries",
            found=f"{min(ratios):.3f}–{max(ratios):.3f}",
        )


def _sight(audit: Audit) -> Iterator[Check]:
    sight = audit.sight
    missing = f"; not {', '.join(sight.missing)}" if sight.missing else ""
    yield Check(name="readings that the gate judges by", found=f"{', '.join(sight.given)}{missing}")
    recorded = ", ".join(sight.recorded) or "none"
    yield Check(name="readings that are recorded, and disturb no round", found=recorded)
    disturbed = sum(bool(one.disturbed) for one in sight.quiet)
    yield Check(
        name="rounds disturbed without a burner", found=f"{disturbed} of {len(sight.quiet)}"
    )
    yield Check(
        name=f"a burner takes {100 * sight.burnt:.0f} % of the cores",
        found=f"load {100 * sight.load_beside:.0f} % beside it, {100 * sight.load_before:.0f} % "
        f"before; {sight.flagged} of {len(sight.beside_burner)} rounds disturbed",
        wanted="all rounds disturbed" if sight.burnt > MAX_LOAD else "",
        holds=_flagged(sight),
    )


def _flagged(sight: Sight) -> Answer | Literal[""]:
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
