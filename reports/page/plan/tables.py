"""The tables of a plan's page, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from reports.choice.planning.padding import padding, routes_of, waste
from reports.page.plan.records import MOST, frequent
from reports.text.grid import grid, plain
from reports.text.words import counted, listed, number, percent, times
from sizewise.core.specs.plan import Alternative, Plan, PlannedEngine, Prediction, Route

_NONE = "–"
_SHOWN = 4
"""Inputs of an engine that are named: the sizes below tell all."""


def engines(plan: Plan) -> str:
    models = {model.sha256: model for model in plan.models}
    heads = (
        *("engine", "inputs (H×W)", "precision", "pictures (%)", "mean (ms)", "padding (%)"),
        *("computed ÷ needed", "memory (MiB)", "a change (ms)"),
    )
    rows = [
        _engine(one, routes_of(plan, one.name), plan, models[one.model_sha256].precision)
        for one in plan.engines
    ]
    return grid(heads, rows, texts=3)


def _engine(
    engine: PlannedEngine, routes: Sequence[Route], plan: Plan, precision: str
) -> tuple[str, ...]:
    share = sum(route.share for route in routes)
    mean = sum(route.share * route.ms for route in routes) / share if share else math.nan
    return (
        plain(engine.name),
        listed(map(times, engine.sizes), most=_SHOWN),
        plain(precision),
        f"{100 * share:.1f}",
        number(mean),
        f"{100 * padding(routes, plan.rule):.1f}",
        f"{waste(routes, plan.rule):.2f}",
        f"{engine.memory_mib:.0f}",
        number(engine.switch_ms) if engine.switch_ms else "0",
    )


def limits(plan: Plan) -> str:
    """What was allowed, beside what is expected; no limit is said, too."""
    allowed, expected = plan.decision.limits, plan.predicted
    percentile = f"{100 * allowed.percentile:.0f} % of the pictures (ms)"
    late = expected.p99_ms if allowed.percentile == 0.99 else None
    late = expected.p50_ms if allowed.percentile == 0.5 else late
    metric = plan.decision.metric or "accuracy"
    rows = [
        (
            "memory of the process (MiB)",
            _most(allowed.max_memory_mib),
            f"{expected.memory_mib:.0f}",
        ),
        ("engines", _most(allowed.max_engines), str(len(plan.engines))),
        (f"mean {metric}", _least(allowed.min_accuracy), _accuracy(expected.accuracy)),
        (percentile, _most(allowed.max_ms), _NONE if late is None else number(late)),
        ("mean (ms a picture)", "no limit", number(expected.mean_ms)),
        ("p99 (ms)", "no limit", number(expected.p99_ms)),
    ]
    kept = rows if allowed.percentile != 0.99 else rows[:-1]
    return grid(("figure", "limit", "expected"), [(plain(a), b, c) for a, b, c in kept])


def together(plan: Plan, measured: Prediction | None) -> str:
    """Expected beside measured; empty where nothing was measured."""
    expected, pairs = plan.predicted, {}
    if measured is not None:
        pairs = {
            "mean (ms a picture)": (expected.mean_ms, measured.mean_ms),
            "p50 (ms)": (expected.p50_ms, measured.p50_ms),
            "p99 (ms)": (expected.p99_ms, measured.p99_ms),
            "memory of the process (MiB)": (expected.memory_mib, measured.memory_mib),
        }
    if found := plan.measured:
        metric, images = plan.decision.metric or "accuracy", counted(found.images, "image")
        name = f"{metric} on {images} of {found.data}"
        pairs[plain(name)] = (found.expected, found.accuracy)
    if not pairs:
        return ""
    rows = [
        (name, number(a), number(b), f"{100 * (b / a - 1):+.1f}" if a else _NONE)
        for name, (a, b) in pairs.items()
    ]
    return grid(("figure", "expected", "measured", "off by (%)"), rows)


def baselines(plan: Plan) -> str:
    heads = (
        *("choice", "engines", "mean (ms)", "the plan is faster by", "memory (MiB)", "accuracy"),
        *("limits", "loads"),
    )
    rows = [(*_figures(one, plan, _times_faster), *_said(one)) for one in plan.decision.baselines]
    return grid(heads, rows, last_texts=2)


def looser(plan: Plan) -> str:
    return _compared(plan.decision.more, plan, "limit")


def by_engines(plan: Plan) -> str:
    return _compared(plan.decision.by_engines, plan, "set")


def sizes(plan: Plan) -> str:
    heads = (
        *(
            "picture (H×W)",
            "runs at (H×W)",
            "engine",
            "pictures (%)",
            "latency (ms)",
            "padding (%)",
        ),
        *("computed ÷ needed", "accuracy"),
    )
    rows = [
        (
            times(route.picture),
            times(route.place.input),
            plain(route.place.engine),
            number(100 * route.share),
            number(route.ms),
            f"{100 * padding([route], plan.rule):.1f}",
            f"{waste([route], plan.rule):.2f}",
            _accuracy(route.accuracy),
        )
        for route in frequent(plan)
    ]
    return grid(heads, rows, texts=3)


def of_sizes(plan: Plan) -> str:
    """What is not in the table."""
    left = plan.routes[MOST:]
    return f"And {counted(len(left), 'size')} that are rarer: plan.json has all." if left else ""


def _compared(found: Iterable[Alternative], plan: Plan, first: str) -> str:
    rows = [(*_figures(one, plan, _saved), *_said(one)) for one in found]
    if not rows:
        return ""
    heads = (
        *(first, "engines", "mean (ms)", "saves against the plan", "memory (MiB)", "accuracy"),
        *("limits", "loads"),
    )
    return grid(heads, rows, last_texts=2)


def _figures(
    one: Alternative, plan: Plan, compare: Callable[[float, float], str]
) -> tuple[str, ...]:
    return (
        plain(one.name),
        str(one.engines) if one.engines else _NONE,
        _NONE if one.mean_ms is None else number(one.mean_ms),
        _NONE if one.mean_ms is None else compare(one.mean_ms, plan.predicted.mean_ms),
        _NONE if one.memory_mib is None else f"{one.memory_mib:.0f}",
        _accuracy(one.accuracy),
    )


def _said(one: Alternative) -> tuple[str, str]:
    return plain(one.why_not) or "kept", plain(", ".join(one.loaded)) or _NONE


def _times_faster(mean_ms: float, plan_ms: float) -> str:
    return f"{mean_ms / plan_ms:.2f}×"


def _saved(mean_ms: float, plan_ms: float) -> str:
    return percent(1 - mean_ms / plan_ms, 1)


def _accuracy(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _most(limit: float | None) -> str:
    """As it was given: a limit that is rounded up promises too much."""
    return "no limit" if limit is None else f"at most {limit:g}"


def _least(limit: float | None) -> str:
    return "no limit" if limit is None else f"at least {limit:.3f}"
