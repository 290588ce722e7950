"""The verdict of an audit on this machine, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from bench.audit.audited import Audit
from bench.audit.checks import shown
from bench.audit.parity import HIGH, LOW, MEDIAN_HIGH, MEDIAN_LOW, WIDEST, Fairness
from bench.audit.twins import FEW, MANY, Twins
from sizewise.core.errors import SizewiseError
from sizewise.core.stats.wander import WANDERING
from sizewise.core.trials.disturbances import CROWDED, MAX_LOAD

_FALSE = 0.01
"""A difference under this is not worth a sentence of its own."""
_NO_ANSWER = 0.10
"""Ratios that are known less well than this answer nothing."""
_REPORT = "Please report this with the file audit.json."


def fault(audit: Audit) -> SizewiseError | None:
    """What sizewise itself is at fault with, in one error; None where it is not."""
    reasons = tuple(_faults(audit))
    return _at_fault("; ".join(reasons)) if reasons else None


def verdict(audit: Audit) -> tuple[str, ...]:
    """Sentences, the most important first."""
    return (
        *(str(_at_fault(reason)) for reason in _faults(audit)),
        *_ratios(audit.twins),
        *_libraries(audit),
        *_inputs(audit),
        *_gate(audit),
    )


def _at_fault(why: str) -> SizewiseError:
    return SizewiseError("sizewise is at fault", why, _REPORT)


def _faults(audit: Audit) -> Iterator[str]:
    """The reasons, one for each answer "no" of ``Audit.at_fault``."""
    if audit.overhead.answer == "no":
        added = audit.overhead.harness.median_ns / 1e3
        yield f"it adds {added:.1f} µs to a call, and this machine's clock is not the reason"
    for cell in audit.parity:
        if cell.answer == "no":
            yield (
                f"{cell.label}, takes {shown(cell.ratio)} times what the library takes by itself, "
                f"and {LOW}–{HIGH} is allowed"
            )
    together = audit.fairness
    if together and together.answer == "no" and not together.outside:
        yield (
            f"engines take {together.median:.3f} times what their libraries take by themselves, in "
            f"the median of {together.shown} cells, and {MEDIAN_LOW}–{MEDIAN_HIGH} is allowed"
        )


def _ratios(twins: Twins) -> Iterator[str]:
    yield _precision(twins)
    yield from _disturbed(twins)
    same = [one.same for one in twins.same]
    if "no" in same:
        yield (
            "The same engine, measured twice, was called different: on this machine, now, don't "
            "rely on a verdict that rests on a small difference. Measure again at another time."
        )
    elif "not shown" in same:
        yield (
            f"Whether the same engine, measured twice, is called the same is not shown by "
            f"{twins.waves} processes: audit again, for longer, or on a quieter machine."
        )
    yield _planted(twins)


def _planted(twins: Twins) -> str:
    answers = [one.planted for one in twins.planted]
    found = ", ".join(f"{one.ratio.ratio:.2f} {one.verdict or ''}".strip() for one in twins.planted)
    work = f"A tenth more work ({MANY} convolutions instead of {FEW})"
    if "no" in answers:
        return (
            f"{work} was called something else ({found}): on this machine, now, don't rely on the "
            "size of a difference. Measure again at another time."
        )
    if "not shown" in answers:
        return (
            f"{work} was not found for certain in {twins.waves} processes ({found}): smaller "
            "differences need --rigor standard, or a quieter machine."
        )
    return f"{work} was found, at its size."


def _precision(twins: Twins) -> str:
    width, wander = twins.ratio_half_width, twins.wander
    if twins.crowded:
        return (
            f"No answer yet: others took {100 * CROWDED:.0f} % of the cores or more, and ratios do "
            "not hold where so much is taken. Stop other programs and audit again."
        )
    if width is None or width > _NO_ANSWER or wander is None:
        known = (
            "no ratio has an interval"
            if width is None
            else f"ratios hold to ±{100 * width:.0f} % only"
        )
        return (
            f"No answer yet: {known} after {twins.waves} processes. Stop other programs and audit "
            "again, for longer: sizewise audit --minutes 10."
        )
    apart = "" if twins.half_width is None else f", milliseconds to ±{100 * twins.half_width:.1f} %"
    wandered = f"milliseconds wandered by {100 * wander.share:.0f} % (standard deviation)"
    what = "both can be relied upon" if _steady(twins) else "take ratios, not milliseconds"
    return (
        f"Ratios hold to ±{100 * width:.1f} %{apart}, after {twins.waves} processes; {wandered}: "
        f"{what}."
    )


def _steady(twins: Twins) -> bool:
    """Whether milliseconds are as good as ratios: they stood, and nothing disturbed them."""
    wide = twins.half_width is None or twins.half_width >= WANDERING
    moved = twins.wander is None or twins.wander.much
    return not (wide or moved or twins.rows_disturbed)


def _disturbed(twins: Twins) -> Iterator[str]:
    if twins.rows_disturbed:
        causes = ", ".join(code.replace("_", " ") for code in twins.causes)
        yield (
            f"A report would mark {twins.rows_disturbed} of {twins.engines} engines as disturbed "
            f"({causes}): their milliseconds are not of this machine alone."
        )


def _libraries(audit: Audit) -> Iterator[str]:
    found = audit.fairness
    if found is None:
        yield "Nothing was measured beside its library: the table says why."
    elif found.answer == "not shown":
        yield f"What sizewise costs beside the libraries is not shown: {_too_little(found)}."
    elif found.answer == "yes":
        yield (
            "Engines run in sizewise as in their libraries by themselves: "
            f"{found.median:.3f} times as long in the median of the {found.shown} of "
            f"{found.planned} cells that are shown, and none of these has its whole interval "
            f"outside {LOW}–{HIGH}."
        )


def _too_little(found: Fairness) -> str:
    if found.cells < found.planned:
        return f"{found.planned - found.cells} of {found.planned} cells could not be measured"
    return (
        f"{found.shown} of {found.planned} cells have intervals within ±{100 * WIDEST:.0f} %, and "
        "at least half are needed"
    )


def _inputs(audit: Audit) -> Iterator[str]:
    ratio = audit.fresh_inputs
    if ratio.low is None or ratio.high is None or ratio.low <= 1 + _FALSE:
        return
    yield (
        f"Images that are not in the processor's caches cost {100 * (ratio.point - 1):.0f} % more "
        f"({100 * (ratio.low - 1):.0f}–{100 * (ratio.high - 1):.0f} %): figures are of images that "
        "are."
    )


def _gate(audit: Audit) -> Iterator[str]:
    sight = audit.sight
    if "steal" in sight.missing:
        yield (
            "The system does not say what a hypervisor takes: neighbours show in the anchor alone."
        )
    if sight.burnt <= MAX_LOAD:
        yield (
            f"Half a core is {100 * sight.burnt:.1f} % of this machine: the gate lets up to "
            f"{100 * MAX_LOAD:.0f} % pass."
        )
    elif sight.flagged < len(sight.beside_burner) and not sight.busy:
        yield (
            f"The gate did not see a program that took half a core ({sight.flagged} of "
            f"{len(sight.beside_burner)} rounds): look at the machine's load yourself."
        )
    if sight.busy:
        codes = sorted({code for one in sight.quiet for code in one.disturbed})
        yield f"Something is running here already: rounds were disturbed by {', '.join(codes)}."
