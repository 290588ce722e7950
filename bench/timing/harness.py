"""The timing of an open engine: the harness owns the clock, a session never times itself."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from engines.base import Clock, Session
from sizewise.core.errors import InferenceError
from sizewise.core.trials import Sample

_LONG_NS = 1_000_000_000
"""One call that takes longer is enough for a turn."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A pause, some cold calls, and the least number and time (in s) of warm ones."""

    pause_s: float
    cold_calls: int
    calls: int
    seconds: float


def warm_up(session: Session, calls: int) -> None:
    """Make ``calls`` calls that are not timed. Raises InferenceError (``numerics``) where the
    outputs are not finite, those of an earlier call too."""
    for _ in range(calls):
        session.enqueue()
        session.synchronize()
    for name, values in session.outputs().items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InferenceError(
                f"The output {name} is not finite",
                "the engine gave NaN or infinity for random noise between 0 and 1",
                "Check the model in FP32, then the precision it was converted to.",
                reason_code="numerics",
            )


def measure_turn(session: Session, clock: Clock, turn: Turn) -> Sample:
    """Time consecutive calls, each from enqueue to the end of synchronize; samples stay raw."""

    def call() -> None:
        session.enqueue()
        session.synchronize()

    return time_turn(call, clock, turn)


def time_turn(call: Callable[[], None], clock: Clock, turn: Turn) -> Sample:
    """Time ``call`` again and again, as ``turn`` says.

    In the pause, threads of the engine before, which wait for more work, go to sleep.
    """
    time.sleep(turn.pause_s)
    started_ns = time.time_ns()
    with no_garbage_collection():
        cold_ns = _timed(call, clock, turn.cold_calls, 0.0)
        before_ns = time.process_time_ns()
        warm_ns = _timed(call, clock, turn.calls, turn.seconds)
        cpu_ns = time.process_time_ns() - before_ns
    return Sample(
        started_ns=started_ns,
        latency_ns=(*cold_ns, *warm_ns),
        cold=len(cold_ns),
        cpu_ns=cpu_ns,
    )


def _timed(call: Callable[[], None], clock: Clock, calls: int, seconds: float) -> list[int]:
    latency_ns: list[int] = []
    now = clock()
    end = now + round(seconds * 1e9)
    while len(latency_ns) < calls or now < end:
        begin = clock()
        call()
        now = clock()
        latency_ns.append(now - begin)
        if latency_ns[-1] > _LONG_NS:
            break
    return latency_ns


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep Python's garbage collection out of what is timed."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
