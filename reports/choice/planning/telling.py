"""A plan in sentences: what to load, how far from the best it is, and what else there was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.text.words import counted, listed, number, percent
from sizewise.core.specs.plan import Alternative, Plan, Prediction


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """What a plan does not know, as a sentence, and the command that measures it (empty: none)."""

    what: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.command}".rstrip()


_NEAR = 1e-6
_PROVEN = 1e-4
_NOTHING = 0.005
"""A gain below this share is none."""


def told(plan: Plan) -> tuple[str, ...]:
    """Sentences, the choice first."""
    return (
        _choice(plan),
        *_measured(plan),
        _bound(plan),
        *_compared(plan),
        *_looser(plan),
        *_engines(plan),
    )


def figures(found: Prediction, metric: str) -> str:
    """``12.3 ms a picture (p50 11.0, p99 25.1), 512 MiB, AP 0.512``."""
    parts = [
        f"{number(found.mean_ms)} ms a picture (p50 {number(found.p50_ms)}, "
        f"p99 {number(found.p99_ms)})",
        f"{found.memory_mib:.0f} MiB",
    ]
    if found.accuracy is not None:
        parts.append(f"{metric} {found.accuracy:.3f}")
    return ", ".join(parts)


def _choice(plan: Plan) -> str:
    what = counted(len(plan.engines), "engine")
    sizes = counted(len(plan.routes), "size")
    expected = figures(plan.predicted, plan.decision.metric)
    return (
        f"Load {what} for {plan.traffic} ({counted(plan.pictures, 'picture')} of {sizes}): "
        f"{expected}."
    )


def _measured(plan: Plan) -> Iterator[str]:
    if not (found := plan.measured):
        return
    metric, images = plan.decision.metric or "accuracy", counted(found.images, "image")
    yield (
        f"Measured on {images} of {found.data}, each at the place of its own size: {metric} "
        f"{found.accuracy:.3f}, where {found.expected:.3f} was expected."
    )
    if found.covered < 1 - _NEAR:
        yield (
            f"Of the pictures that come, {percent(found.covered, 1)} have a size that these images "
            "have, too. How accurate the others are is only expected."
        )


def _bound(plan: Plan) -> str:
    what = "for 99 % of the pictures" if plan.decision.objective == "p99" else "in the mean"
    return how_near(plan, what)


def how_near(plan: Plan, what: str) -> str:
    """How far any other set could be ahead; ``what`` says of which time."""
    decision = plan.decision
    if decision.gap <= _PROVEN:
        return f"No other set under these limits is faster {what}: proven."
    if decision.bound <= 0:
        return f"How near this is to the fastest set {what} was not proven in time."
    return (
        f"No set under these limits takes less than {number(decision.bound)} ms {what}: another "
        f"could take at most {percent(decision.gap, 1)} less than this one."
    )


def _compared(plan: Plan) -> Iterator[str]:
    for one in plan.decision.baselines:
        yield f"Against {one.name}: {_against(one, plan)}."


def _against(one: Alternative, plan: Plan) -> str:
    if one.mean_ms is None:
        return one.why_not
    gain = one.mean_ms / plan.predicted.mean_ms
    said = f"{number(gain)}× as fast" if gain > 1 + _NOTHING else "the plan gains nothing"
    if gain < 1 - _NOTHING:
        said = f"the plan takes {number(1 / gain)}× as long"
    memory = "" if one.memory_mib is None else f", {one.memory_mib:.0f} MiB"
    why = f"; {one.why_not}" if one.why_not else ""
    return f"{said} ({number(one.mean_ms)} ms{memory}{why})"


def _looser(plan: Plan) -> Iterator[str]:
    for one in plan.decision.more:
        if one.mean_ms is None or one.why_not:
            continue
        saved = 1 - one.mean_ms / plan.predicted.mean_ms
        worth = (
            f"would save {percent(saved, 1)} of the time" if saved > _NOTHING else "buys nothing"
        )
        yield f"{one.name[0].upper()}{one.name[1:]} {worth} ({number(one.mean_ms)} ms a picture)."


def _engines(plan: Plan) -> Iterator[str]:
    found = [
        f"{one.engines}: {number(one.mean_ms)} ms in {one.memory_mib:.0f} MiB"
        for one in plan.decision.by_engines
        if one.mean_ms is not None and one.memory_mib is not None and not one.why_not
    ]
    if found:
        yield f"The best set by its number of engines: {listed(found)}."
