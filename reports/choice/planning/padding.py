"""What a plan computes beyond its pictures."""

from __future__ import annotations

from collections.abc import Iterable

from sizewise.core.specs.plan import InputRule, Plan, Route


def padding(routes: Iterable[Route], rule: InputRule) -> float:
    """The share of the computed pixels that no picture fills (0–1)."""
    filled = computed = 0.0
    for route in routes:
        computed += route.share * route.place.input.pixels
        filled += route.share * _filled(route, rule)
    return max(0.0, 1 - filled / computed) if computed else 0.0


def waste(routes: Iterable[Route], rule: InputRule) -> float:
    """Pixels that are computed, by those of the inputs that pictures ask for: 1 where each runs at
    its own, below 1 where some are scaled down further."""
    needed = computed = 0.0
    for route in routes:
        computed += route.share * route.place.input.pixels
        needed += route.share * rule.size_for(route.picture).pixels
    return computed / needed if needed else 1.0


def routes_of(plan: Plan, engine: str) -> list[Route]:
    """What the engine of this name serves."""
    return [route for route in plan.routes if route.place.engine == engine]


def _filled(route: Route, rule: InputRule) -> float:
    place, picture = route.place.input, route.picture
    if not rule.letterbox:
        return place.pixels
    scale = min(place.height / picture.height, place.width / picture.width)
    return picture.pixels * scale**2
