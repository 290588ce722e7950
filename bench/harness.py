"""Timing an open engine: the harness owns the clock, the session never times itself."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from bench import monitors
from engines.base import Clock, Session
from sizewise.core.environment import usable_cores
from sizewise.core.errors import InferenceError
from sizewise.core.trials import Block


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whose turn it is: where a block stands, and how long it lasts at least."""

    rebuild: int
    process: int
    round: int
    calls: int
    seconds: float


def warm_up(session: Session, calls: int) -> None:
    """Raises InferenceError (``numerics``) where outputs are not finite, also those of a call that
    was made before."""
    for _ in range(calls):
        session.enqueue()
        session.synchronize()
    for name, values in session.outputs().items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InferenceError(
                f"The output {name} is not finite",
                "the engine gave NaN or infinity for noise between 0 and 1",
                "Check the model in FP32, then the precision it was converted to.",
                reason_code="numerics",
            )


def measure_block(session: Session, clock: Clock, turn: Turn) -> Block:
    """Latencies of consecutive calls, each from enqueue to the end of synchronize, raw.

    The block is valid where others took no more than ``monitors.MAX_LOAD`` of all cores.
    """
    started_ns = time.time_ns()
    before = monitors.read()
    with no_garbage_collection():
        latency_ns = _timed_calls(session, clock, turn)
    after = monitors.read()
    foreign = monitors.foreign(before, after, usable_cores())
    return Block(
        rebuild=turn.rebuild,
        process=turn.process,
        round=turn.round,
        started_ns=started_ns,
        latency_ns=tuple(latency_ns),
        cpu_ns=after.own_ns - before.own_ns,
        load=foreign.load,
        clock_mhz=monitors.clock_mhz(),
        valid=foreign.harmless,
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
    """Around what is timed."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
