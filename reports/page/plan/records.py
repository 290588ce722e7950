"""What the plots of a plan's page know: a record for each size that comes, and for each set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.choice.planning.padding import padding, routes_of, waste
from reports.plots.keys import keys_of
from reports.text.words import counted, times
from sizewise.core.specs.plan import Alternative, Plan, Route

MOST = 2000
"""Sizes that are told one by one; the others are told together, by engine and bar."""
_BINS = 40
BEST, PLAIN, LOOSER, CHOSEN = "best of so many engines", "plain choice", "looser limit", "the plan"


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars of equal width over the side of a square of as many pixels."""

    low: float
    width: float

    @classmethod
    def of(cls, routes: Iterable[Route]) -> Bars:
        sides = [side_of(route) for route in routes]
        low = min(sides)
        return cls(low=low, width=max((max(sides) - low) / _BINS, 1.0))

    def number(self, route: Route) -> int:
        return min(int((side_of(route) - self.low) / self.width), _BINS - 1)


def side_of(route: Route) -> float:
    return math.sqrt(route.picture.pixels)


def frequent(plan: Plan) -> list[Route]:
    """The most frequent first, at most as many as are told one by one."""
    return sorted(plan.routes, key=lambda route: -route.share)[:MOST]


def engines(plan: Plan) -> list[dict[str, Any]]:
    """The keys of all plots: each engine, or of many the first, and the others together."""
    return [
        {"name": key.name, "colour": key.colour, "share": _share(key.routes)}
        for key in keys_of(plan)
    ]


def key_names(plan: Plan) -> dict[str, str]:
    """The name of each engine's key, by the engine's name."""
    return {engine: key.name for key in keys_of(plan) for engine in key.engines}


def slices(plan: Plan) -> list[dict[str, Any]]:
    """The histogram, a record for each size: a rectangle on those of its bar before it."""
    bars, heights = Bars.of(plan.routes), dict[int, float]()
    found, keys = [], key_names(plan)
    for number, routes in sorted(_told(plan, bars), key=lambda one: one[0]):
        low = heights.get(number, 0.0)
        heights[number] = low + _share(routes)
        start = bars.low + number * bars.width
        ends = {"from": start, "to": start + bars.width, "low": low, "high": heights[number]}
        found.append({**_record(routes, plan, keys), **ends})
    return found


def bubbles(plan: Plan) -> list[dict[str, Any]]:
    keys = key_names(plan)
    return [
        {
            **_record([route], plan, keys),
            "width": route.picture.width,
            "height": route.picture.height,
        }
        for route in frequent(plan)
    ]


def wasted(plan: Plan) -> list[dict[str, Any]]:
    """As wide as its share of the pictures, and as high as its waste; the highest first."""
    keys, bars = key_names(plan), Bars.of(plan.routes)
    records = [_record(routes, plan, keys) for _, routes in _told(plan, bars)]
    at, found = 0.0, []
    for record in sorted(records, key=lambda one: (-one["waste"], one["key"], -one["share"])):
        found.append({**record, "from": at, "to": at + record["share"]})
        at += record["share"]
    return found


def sets(plan: Plan) -> list[dict[str, Any]]:
    """Other sets of engines, and the plan: what each takes."""
    decision, expected, keys = plan.decision, plan.predicted, key_names(plan)
    others = ((BEST, decision.by_engines), (PLAIN, decision.baselines), (LOOSER, decision.more))
    chosen = Alternative(
        name="the plan",
        engines=len(plan.engines),
        loaded=tuple(engine.name for engine in plan.engines),
        mean_ms=expected.mean_ms,
        memory_mib=expected.memory_mib,
        accuracy=expected.accuracy,
    )
    return [
        {
            "kind": kind,
            "name": one.name,
            "engines": one.engines,
            "mean": one.mean_ms,
            "memory": one.memory_mib,
            "accuracy": _rounded(one.accuracy),
            "why": one.why_not,
            "loaded": [keys.get(name, name) for name in one.loaded],
            "loads": ", ".join(one.loaded),
        }
        for kind, found in (*others, (CHOSEN, (chosen,)))
        for one in found
        if one.mean_ms is not None and one.memory_mib is not None
    ]


def _told(plan: Plan, bars: Bars) -> Iterator[tuple[int, Sequence[Route]]]:
    """The routes that a record tells of, with the number of their bar; by engine, so that slices of
    one colour lie together."""
    single = set(frequent(plan))
    for engine in key_names(plan):
        rest: dict[int, list[Route]] = {}
        for route in sorted(routes_of(plan, engine), key=lambda one: -one.share):
            if route in single:
                yield bars.number(route), [route]
            else:
                rest.setdefault(bars.number(route), []).append(route)
        yield from rest.items()


def _record(routes: Sequence[Route], plan: Plan, keys: Mapping[str, str]) -> dict[str, Any]:
    first = routes[0]
    alone = len(routes) == 1
    share = _share(routes)
    known = [route.accuracy for route in routes]
    return {
        "picture": times(first.picture) if alone else counted(len(routes), "other size"),
        "share": share,
        "engine": first.place.engine,
        "key": keys[first.place.engine],
        "input": times(first.place.input) if alone else "several",
        "ms": sum(100 * route.share * route.ms for route in routes) / share,
        "waste": waste(routes, plan.rule),
        "padding": 100 * padding(routes, plan.rule),
        "accuracy": _rounded(known[0] if alone else None),
    }


def _share(routes: Iterable[Route]) -> float:
    return 100 * sum(route.share for route in routes)


def _rounded(accuracy: float | None) -> str:
    """As a tooltip says it."""
    return "–" if accuracy is None else f"{accuracy:.3f}"
