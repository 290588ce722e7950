"""The engines of a plan over its traffic, for real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sizewise.core.specs.plan import Place, Plan, Prediction
from sizewise.core.specs.traffic import Traffic

if TYPE_CHECKING:
    from bench.streaming import Streamed

PICTURES = 1000
"""Of the stream that are run, unless it is said."""
_SECONDS = 60.0
"""The time that all processes may take by the prediction, unless the stream's length is said."""
_CALLS = 10
_QUANTILES = 200
_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Alone:
    """What a picture takes at a place where none before it ran elsewhere."""

    place: Place
    ms: float


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """The first ``pictures`` of a traffic: what was expected of these, what was measured, and what
    changes cost by engine; ``alone`` has each place, and ``spread`` what pictures took
    over that, changes included, as quantiles. ``pace`` is what these pictures would take with each
    place alone, over what the plan says of that: the machine may be faster or slower than it was.
    Accuracy is of ``images`` of a data set (0: it was not measured)."""

    pictures: int
    expected: Prediction
    measured: Prediction
    switch_ms: Mapping[str, float]
    alone: tuple[Alone, ...] = ()
    spread: tuple[float, ...] = ()
    pace: float = 1.0
    images: int = 0


def replayed(
    plan: Plan,
    traffic: Traffic,
    folder: Path,
    pictures: int | None,
    *,
    timeout_s: float,
    processes: int = 1,
) -> Replayed:
    """Run the engines of a plan, which lies in ``folder``, over the first pictures of a traffic, so
    many times, each in a process of its own. All places of the plan run there alone as well.

    Raises EngineError and InputError.
    """
    from bench.streaming import stream

    sample = traffic.stream[: pictures or _bounded(plan, processes)]
    placed = [plan.place_of(size) for size in sample]
    places = list(dict.fromkeys([*placed, *(route.place for route in plan.routes)]))
    number = {place: at for at, place in enumerate(places)}
    names = list(dict.fromkeys(place.engine for place in places))
    loaded = [*names, *(one.name for one in plan.engines if one.name not in names)]
    found = [
        stream(
            [folder / plan.by_name[name].artifact for name in loaded],
            [(loaded.index(place.engine), place.input) for place in places],
            [number[place] for place in placed],
            calls=_CALLS,
            timeout_s=timeout_s,
        )
        for _ in range(processes)
    ]
    alone = np.mean([one.alone_ms for one in found], axis=0)
    switches = [one.switch_ms() for one in found]
    planned = _planned_ms(plan, placed)
    return Replayed(
        pictures=len(sample),
        expected=_expected(plan, placed, planned),
        measured=_measured(found),
        switch_ms={loaded[at]: float(np.mean([one[at] for one in switches])) for at in switches[0]},
        alone=tuple(
            Alone(place=place, ms=float(ms)) for place, ms in zip(places, alone, strict=True)
        ),
        spread=_spread(found, alone),
        pace=_ratio(alone[[number[place] for place in placed]].mean(), planned.mean()),
    )


def _spread(found: Sequence[Streamed], alone_ms: NDArray[np.float64]) -> tuple[float, ...]:
    ratios = [np.array(one.stream_ms) / alone_ms[np.array(one.order)] for one in found]
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return tuple(map(float, np.quantile(np.concatenate(ratios), shares)))


def _ratio(one: float, other: float) -> float:
    return float(one / other) if other else 1.0


def _bounded(plan: Plan, processes: int) -> int:
    most = int(1000 * _SECONDS / processes / max(plan.predicted.mean_ms, 0.01))
    return max(1, min(PICTURES, most))


def _planned_ms(plan: Plan, placed: Sequence[Place]) -> NDArray[np.float64]:
    """What the plan says of each picture at its place."""
    by_place = {route.place: route.ms for route in plan.routes}
    return np.array([by_place.get(place, plan.predicted.mean_ms) for place in placed])


def _expected(plan: Plan, placed: Sequence[Place], planned: NDArray[np.float64]) -> Prediction:
    """Of the pictures that are run: a part of a traffic has other shares than the whole."""
    changes = sum(plan.by_name[b.engine].switch_ms for a, b in pairwise(placed) if a != b)
    return Prediction(
        mean_ms=float(planned.mean()) + changes / len(placed),
        p50_ms=plan.predicted.p50_ms,
        p99_ms=plan.predicted.p99_ms,
        memory_mib=plan.predicted.memory_mib,
    )


def _measured(found: Sequence[Streamed]) -> Prediction:
    times = np.concatenate([one.stream_ms for one in found])
    return Prediction(
        mean_ms=float(times.mean()),
        p50_ms=float(np.quantile(times, 0.5)),
        p99_ms=float(np.quantile(times, 0.99)),
        memory_mib=max(one.resident_bytes or 0 for one in found) / _MIB,
    )
