"""The timing of an open engine: the harness owns the clock, a session never times itself."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from bench import readings
from engines.base import Clock, Session
from sizewise.core.environment import usable_cores
from sizewise.core.errors import InferenceError
from sizewise.core.trials import Block


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The place of a block in its group, and its minimum length in calls and in seconds."""

    rebuild: int
    process: int
    round: int
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


def measure_block(session: Session, clock: Clock, turn: Turn) -> Block:
    """Time consecutive calls, each from enqueue to the end of synchronize; samples stay raw.

    The block is valid where the background load was at most ``readings.MAX_LOAD`` of all cores.
    """
    started_ns = time.time_ns()
    before = readings.cpu_time()
    with no_garbage_collection():
        latency_ns = _timed_calls(session, clock, turn)
    after = readings.cpu_time()
    background = readings.background_load(before, after, usable_cores())
    return Block(
        rebuild=turn.rebuild,
        process=turn.process,
        round=turn.round,
        started_ns=started_ns,
        latency_ns=tuple(latency_ns),
        cpu_ns=after.own_ns - before.own_ns,
        load=background.load,
        clock_mhz=readings.clock_mhz(),
        valid=background.harmless,
    )


def _timed_calls(session: Session, clock: Clock, turn: Turn) -> list[int]:
    latency_ns: list[int] = []
    end = clock() + round(turn.seconds * 1e9)
    now = 0
    while len(latency_ns) < turn.calls or now < end:
        begin = clock()
        session.enqueue()
        session.synchronize()
        now = clock()
        latency_ns.append(now - begin)
    return latency_ns


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep Python's garbage collection out of what is timed."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
