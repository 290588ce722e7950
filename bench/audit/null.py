"""What the harness adds to a call: an engine that does nothing, timed as any other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from bench.audit.answers import Answer
from bench.timing.harness import Turn, measure_turn, no_garbage_collection
from engines.base import Array, Clock, Session
from sizewise.core import codec
from sizewise.core.specs import BuiltEngine, EngineSpec, ImageInput, ModelCard, TensorSpec

CALLS = 100_000
MEDIAN_NS, P99_NS = 5_000.0, 20_000.0
"""The most that a call may gain, in its median and in its 99th percentile."""


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Of the nanoseconds of many calls."""

    median_ns: float
    p99_ns: float

    @classmethod
    def of(cls, latency_ns: tuple[int, ...]) -> Self:
        median, p99 = np.quantile(np.asarray(latency_ns, dtype=np.float64), (0.5, 0.99))
        return cls(median_ns=float(median), p99_ns=float(p99))

    @property
    def within(self) -> bool:
        return self.median_ns <= MEDIAN_NS and self.p99_ns <= P99_NS


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """``calls`` calls of an engine that does nothing, and as many pairs of readings of the clock
    with nothing between them: what this machine takes without sizewise."""

    calls: int
    harness: Quantiles
    clock: Quantiles

    @property
    def at_fault(self) -> bool:
        """Whether the harness is too slow where the clock alone is not."""
        return self.clock.within and not self.harness.within

    @property
    def answer(self) -> Answer:
        """Whether the harness is quick enough; not shown where the clock alone is not."""
        if self.harness.within:
            return "yes"
        return "no" if self.at_fault else "not shown"


class NullSession(Session):
    """An engine that does nothing."""

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        del images, further

    def enqueue(self) -> None:
        pass

    def outputs(self) -> dict[str, Array]:
        return {}


def time_nothing(calls: int, clock: Clock = time.perf_counter_ns) -> Any:
    """Time ``calls`` calls of an engine that does nothing, then as many readings of the ``clock``:
    a plain Overhead. Call it in a child, as engines are timed in one."""
    turn = Turn(pause_s=0.0, cold_calls=2, calls=calls, seconds=0.0)
    sample = measure_turn(NullSession(_nothing()), clock, turn)
    alone_ns = _readings(calls, clock)
    return codec.to_plain(
        Overhead(calls=calls, harness=Quantiles.of(sample.warm_ns), clock=Quantiles.of(alone_ns))
    )


def _readings(calls: int, clock: Clock) -> tuple[int, ...]:
    taken_ns = []
    with no_garbage_collection():
        for _ in range(calls):
            begin = clock()
            taken_ns.append(clock() - begin)
    return tuple(taken_ns)


def _nothing() -> BuiltEngine:
    tensor = TensorSpec(name="images", dtype="float32", shape=("batch", 3, "height", "width"))
    return BuiltEngine(
        path=Path(),
        model_sha256="",
        image=ImageInput(tensor=tensor, channels_first=True),
        outputs=(),
        card=ModelCard(network="nothing"),
        spec=EngineSpec(backend="null", strategy="dynamic", profiles=()),
    )
