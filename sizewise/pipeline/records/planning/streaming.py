"""The engines of a plan over its traffic, for real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sizewise.core.specs import Size
from sizewise.core.specs.plan import Place, Plan, Prediction
from sizewise.core.specs.traffic import Traffic

if TYPE_CHECKING:
    from bench.streaming import Streamed

PICTURES = 1000
"""Of the stream that are run, unless it is said."""
_SECONDS = 60.0
"""The time that all processes may take by the prediction, unless the stream's length is said."""
_CALLS = 2
"""At each place alone, in each break of the stream."""
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
    changes cost by engine; ``alone`` has each place, and ``spread`` what pictures took over that,
    changes included, as quantiles. ``pace`` is what each place took alone, over what the plan says
    of it (None: it says nothing of any); ``unplanned`` pictures ran at places that the plan does
    not know. Accuracy is of ``images`` of a data set (0: it was not measured)."""

    pictures: int
    expected: Prediction
    measured: Prediction
    switch_ms: Mapping[str, float]
    alone: tuple[Alone, ...] = ()
    spread: tuple[float, ...] = ()
    pace: float | None = None
    unplanned: int = 0
    images: int = 0


def replayed(
    plan: Plan,
    traffic: Traffic,
    folder: Path,
    pictures: int | None,
    *,
    timeout_s: float,
    processes: int = 1,
    most: int = PICTURES,
) -> Replayed:
    """Run the engines of a plan, which lies in ``folder``, over the first pictures of a traffic, so
    many times, each in a process of its own. All places of the plan run there alone as well. Where
    it is not said how many ``pictures``, they are at ``most`` so many, and what takes a minute.

    Raises EngineError and InputError.
    """
    count = pictures or bounded(plan, processes, most)
    (found,) = by_turns([plan], traffic, folder, count, timeout_s=timeout_s, processes=processes)
    return found


def by_turns(
    plans: Sequence[Plan],
    traffic: Traffic,
    folder: Path,
    pictures: int,
    *,
    timeout_s: float,
    processes: int,
    on_turn: Callable[[], None] = lambda: None,
) -> list[Replayed]:
    """:func:`replayed` of several plans, whose processes take turns: what makes the machine slower
    for a while makes each of them slower. ``on_turn`` is called after each process."""
    runs = [_Run(plan, traffic.stream[:pictures], folder, timeout_s) for plan in plans]
    found: list[list[Streamed]] = [[] for _ in runs]
    for turn in range(processes):
        for number in range(len(runs)):
            at = (number + turn) % len(runs)
            found[at].append(runs[at].run())
            on_turn()
    return [run.told(streams) for run, streams in zip(runs, found, strict=True)]


class _Run:
    """The engines of a plan over these pictures."""

    def __init__(self, plan: Plan, sample: Sequence[Size], folder: Path, timeout_s: float) -> None:
        self._plan, self._folder, self._timeout_s = plan, folder, timeout_s
        self._placed = [plan.place_of(size) for size in sample]
        self._places = list(dict.fromkeys([*self._placed, *(one.place for one in plan.routes)]))
        self._number = {place: at for at, place in enumerate(self._places)}
        names = dict.fromkeys(place.engine for place in self._places)
        self._loaded = list(names | dict.fromkeys(one.name for one in plan.engines))

    def run(self) -> Streamed:
        """In a process of its own."""
        from bench.streaming import stream

        return stream(
            [self._folder / self._plan.by_name[name].artifact for name in self._loaded],
            [(self._loaded.index(place.engine), place.input) for place in self._places],
            [self._number[place] for place in self._placed],
            calls=_CALLS,
            timeout_s=self._timeout_s,
        )

    def told(self, found: Sequence[Streamed]) -> Replayed:
        """What was measured, beside what the plan says."""
        ms = np.mean([one.place_ms() for one in found], axis=0)
        switches = [one.switch_ms() for one in found]
        known = {route.place: route.ms for route in self._plan.routes}
        planned = [place for place in self._placed if known.get(place)]
        paces = [float(ms[self._number[one]]) for one in planned], [known[one] for one in planned]
        return Replayed(
            pictures=len(self._placed),
            unplanned=len(self._placed) - len(planned),
            expected=_expected(self._plan, self._placed, known),
            measured=_measured(found),
            switch_ms={
                self._loaded[at]: max(0.0, float(np.mean([one[at] for one in switches])))
                for at in switches[0]
            },
            alone=tuple(
                Alone(place=place, ms=float(one))
                for place, one in zip(self._places, ms, strict=True)
            ),
            spread=_spread(found),
            pace=sum(paces[0]) / sum(paces[1]) if planned else None,
        )


def _spread(found: Sequence[Streamed]) -> tuple[float, ...]:
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    ratios = np.concatenate([one.ratios() for one in found])
    return tuple(map(float, np.quantile(ratios, shares)))


def bounded(plan: Plan, processes: int, most: int) -> int:
    in_time = int(1000 * _SECONDS / processes / max(plan.predicted.mean_ms, 0.01))
    return max(1, min(most, in_time))


def _expected(plan: Plan, placed: Sequence[Place], known: Mapping[Place, float]) -> Prediction:
    """Of the pictures that are run: a part of a traffic has other shares than the whole. The plan's
    mean stands for a place that it does not know."""
    calls = [known.get(place, plan.predicted.mean_ms) for place in placed]
    changes = sum(plan.by_name[b.engine].switch_ms for a, b in pairwise(placed) if a != b)
    return Prediction(
        mean_ms=float(np.mean(calls)) + changes / len(placed),
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
