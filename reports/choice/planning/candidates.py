"""Engines that could be loaded, and how each would serve the sizes that come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.curves import Curves
from reports.choice.planning.demand import Demand, scale
from reports.choice.planning.kinds import Group
from reports.choice.planning.optimum.problem import Candidate, Serving
from sizewise.core.specs import EngineSpec, Size


@dataclass(frozen=True, kw_only=True, eq=False)
class Use:
    """A way to use one engine of a ``group``, whose specification is ``spec``. ``measured`` says
    whether the engine itself was, or is modelled from others of its group. ``bucket`` is the input
    of a static engine, and ``side_px`` what pictures are scaled down to for another."""

    group: Group
    spec: EngineSpec
    candidate: Candidate
    measured: bool
    bucket: Size | None = None
    side_px: int | None = None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What candidates are made for; ``may_shrink`` says whether an input may be smaller than what a
    picture asks for."""

    demand: Demand
    curves: Curves
    may_shrink: bool = False
    switch_ms: Mapping[str, float] = field(default_factory=dict)
    """Of engines, by their names, from a stream that was measured."""
    dynamic: frozenset[str] = frozenset()
    """The names of engines of several sizes."""
    shared_mib: float = 0.0
    """Of each engine's memory, what is its library's."""
    place_ms: Mapping[tuple[str, Size], float] = field(default_factory=dict)
    """Of engines, by their names, at inputs, from a stream that was measured."""
    pace: float = 1.0
    """What other engines take beside what was measured of each alone."""
    spread: tuple[float, ...] = ()
    """Of pictures around the mean of their place, from a stream that was measured."""
    hopeful: bool = False
    """Whether static engines that nobody measured count at the least that they may take."""
    hopeless: frozenset[str] = frozenset()
    """Those that do not, by their names."""

    def switch_ms_of(self, group: Group, size: Size | None = None) -> float:
        """What a change to an engine costs. Where it was not in the stream, it may be as cheap as
        the cheapest of its strategy that were, or as a sweep found."""
        name = group.name if size is None else group.engine_at(size)
        if name in self.switch_ms:
            return self.switch_ms[name]
        others = [
            ms for one, ms in self.switch_ms.items() if (one in self.dynamic) != group.is_static
        ]
        if group.is_static:
            return min(others, default=0.0)
        return min([group.switch_ms, *others])

    def spread_of(self, group: Group, size: Size) -> NDArray[np.float64]:
        """What pictures at an input take over the mean of the input, as quantiles."""
        return np.array(self.spread) if self.spread else group.spread(size)

    def ms_of(self, group: Group, size: Size) -> float | None:
        """Milliseconds at an input. An engine of several sizes takes no more at one than at what
        holds it."""
        measured = self.place_ms.get((group.engine_at(size), size))
        if measured is not None:
            return measured
        if not group.is_static:
            known = group.ms.at_most(size)
        else:
            hopeful = self.hopeful and group.engine_at(size) not in self.hopeless
            known = group.ms.hoped(size) if hopeful else group.ms.at(size)
        return None if known is None else known * self.pace


def uses_of(groups: Iterable[Group], buckets: Sequence[Size], offer: Offer) -> tuple[Use, ...]:
    """All ways to use engines of ``groups`` that serve any size, static ones of ``buckets``."""
    found = (use for group in groups for use in _of_group(group, buckets, offer))
    return tuple(use for use in found if use.candidate.serves)


def without_dominated(uses: Sequence[Use], libraries: Mapping[str, float]) -> tuple[Use, ...]:
    """``uses`` without static engines than which another of the same input is better in all: one of
    the same library, or of one that takes no memory. ``libraries`` says what each takes."""
    by_bucket: dict[Size, list[Use]] = {}
    for use in uses:
        if use.bucket is not None:
            by_bucket.setdefault(use.bucket, []).append(use)
    lost = {
        id(use)
        for rivals in by_bucket.values()
        for place, use in enumerate(rivals)
        if any(
            _is_better(other, use, first=at < place)
            for at, other in enumerate(rivals)
            if other is not use and _needs_no_more(other, use, libraries)
        )
    }
    return tuple(use for use in uses if id(use) not in lost)


def _needs_no_more(one: Use, other: Use, libraries: Mapping[str, float]) -> bool:
    a, b = one.candidate, other.candidate
    same = a.library == b.library or libraries.get(a.library, 0.0) <= 0
    return same and a.memory_mib <= b.memory_mib


def _is_better(one: Use, other: Use, *, first: bool) -> bool:
    """Whether ``one`` is as good in everything and better in something, or stands ``first``."""
    a, b = one.candidate, other.candidate
    if not set(b.serves) <= set(a.serves):
        return False
    pairs = [(a.serves[size], b.serves[size]) for size in b.serves]
    costs = [(a.memory_mib, b.memory_mib), (a.switch_ms, b.switch_ms)]
    costs += [(x.ms, y.ms) for x, y in pairs] + [(x.late, y.late) for x, y in pairs]
    costs += [
        (-x.accuracy, -y.accuracy) for x, y in pairs if not math.isnan(x.accuracy + y.accuracy)
    ]
    unknown = any(math.isnan(x.accuracy) and not math.isnan(y.accuracy) for x, y in pairs)
    as_good = not unknown and all(x <= y for x, y in costs)
    return as_good and (first or any(x < y for x, y in costs))


def _of_group(group: Group, buckets: Sequence[Size], offer: Offer) -> Iterator[Use]:
    if group.is_static:
        for bucket in dict.fromkeys((*group.rows, *buckets)):
            if use := _static(group, bucket, offer):
                yield use
        return
    curve = offer.curves.of(group)
    largest = offer.demand.rule.side_px
    smaller = [side for side in sorted(curve.by_side) if side < largest]
    for side in (largest, *(smaller if offer.may_shrink else ())):
        yield _open(group, side, offer)


def _static(group: Group, bucket: Size, offer: Offer) -> Use | None:
    ms, memory = offer.ms_of(group, bucket), group.memory_mib(bucket)
    if ms is None or memory is None:
        return None
    name = group.engine_at(bucket)
    return Use(
        group=group,
        spec=group.spec_of(bucket),
        measured=bucket in group.rows,
        bucket=bucket,
        candidate=Candidate(
            name=name,
            memory_mib=max(0.0, memory - offer.shared_mib),
            library=group.spec.backend,
            switch_ms=offer.switch_ms_of(group, bucket),
            serves=dict(_served(group, [bucket] * len(offer.demand.sizes), offer)),
        ),
    )


def _open(group: Group, side: int, offer: Offer) -> Use:
    """An engine of several sizes, for pictures that are scaled down to ``side``. What it does not
    take, it serves at the smallest measured input that holds it."""
    rule = replace(offer.demand.rule, side_px=side)
    inputs = [_input(group, rule.size_for(size)) for size in offer.demand.sizes]
    at = "" if side == offer.demand.rule.side_px else f" at {side} px"
    return Use(
        group=group,
        spec=group.spec,
        measured=True,
        side_px=side,
        candidate=Candidate(
            name=f"{group.name}{at}",
            engine=group.name,
            library=group.spec.backend,
            memory_mib=max(0.0, group.most_memory_mib - offer.shared_mib),
            switch_ms=offer.switch_ms_of(group),
            serves=dict(_served(group, inputs, offer)),
        ),
    )


def _input(group: Group, wanted: Size) -> Size | None:
    if group.spec.admits(wanted) and group.ms.at_most(wanted) is not None:
        return wanted
    holding = (size for size in group.rows if scale(wanted, size) == 1)
    return min(holding, key=lambda size: size.pixels, default=None)


def _served(
    group: Group, inputs: Sequence[Size | None], offer: Offer
) -> Iterator[tuple[int, Serving]]:
    """What serves each size, by its number, at its input: those where that is known and allowed.
    They are many, so all sizes are computed at once."""
    demand = offer.demand
    calls = {place: _call(group, place, offer) for place in set(inputs) if place is not None}
    heights = np.array([place.height if place else 0 for place in inputs])
    widths = np.array([place.width if place else 0 for place in inputs])
    kept = demand.kept(heights, widths)
    side = demand.rule.side_px
    accuracy = offer.curves.of(group).all_placed(side * kept, heights, widths)
    allowed = (kept == 1) | (offer.may_shrink & ~np.isnan(accuracy))
    for number, place in enumerate(inputs):
        if place is not None and allowed[number] and (call := calls[place]) is not None:
            yield number, replace(call, accuracy=float(accuracy[number]))


def _call(group: Group, place: Size, offer: Offer) -> Serving | None:
    """What a picture takes at an input, whatever its size."""
    ms = offer.ms_of(group, place)
    return None if ms is None else Serving(ms=ms, input=place)


def with_late(uses: Iterable[Use], offer: Offer, max_ms: float) -> Iterator[Use]:
    """``uses`` where pictures are late that take more than ``max_ms``."""
    known: dict[tuple[int, Size | None], float] = {}
    for use in uses:
        serves = dict[int, Serving]()
        for number, one in use.candidate.serves.items():
            key = id(use.group), one.input
            if key not in known:
                times = one.ms * offer.spread_of(use.group, one.input or offer.demand.sizes[number])
                known[key] = float(np.mean(times > max_ms))
            serves[number] = replace(one, late=known[key])
        yield replace(use, candidate=replace(use.candidate, serves=serves))
