"""Timing apart from the blocks: cold starts, and the parts of a call (H2D, compute, D2H)."""

from __future__ import annotations

from collections.abc import Mapping

from bench.timing.harness import no_garbage_collection
from engines.base import Array, Clock, Session
from sizewise.core.specs import EngineSpec, Size


def time_call(session: Session, clock: Clock, inputs: Mapping[str, Array]) -> int:
    """Nanoseconds from bind to the end of synchronize; the work of opening, or of a change of shape
    or profile, falls between the two. Raises InferenceError."""
    with no_garbage_collection():
        begin = clock()
        session.bind(inputs)
        session.enqueue()
        session.synchronize()
        return clock() - begin


def measure_parts(session: Session, clock: Clock, *, repetitions: int) -> dict[str, list[int]]:
    """Time each part of a call ``repetitions`` times, in turn, so that data flow as in a call:
    nanoseconds by name.

    Empty where calls have no parts. Raises InferenceError."""
    parts = session.parts()
    latency_ns: dict[str, list[int]] = {name: [] for name in parts}
    with no_garbage_collection():
        for _ in range(repetitions):
            for name, part in parts.items():
                begin = clock()
                part()
                session.synchronize()
                latency_ns[name].append(clock() - begin)
    return latency_ns


def another_shape(spec: EngineSpec, size: Size) -> tuple[int, Size] | None:
    """Batch and size to change to and back: another size or, where the engine takes only one,
    another batch. None where it takes one shape only."""
    if other := another_size(spec, size):
        return spec.batch_size, other
    batches = {spec.batches.min, spec.batches.max} - {spec.batch_size}
    return (min(batches), size) if batches else None


def another_size(spec: EngineSpec, size: Size) -> Size | None:
    """The smallest other size in the engine's profiles: one that needs a change of profile, where
    there is one. None where the profiles hold ``size`` alone."""
    home = [profile for profile in spec.profiles if profile.admits(size)]
    named = set(spec.sizes)

    def nearness(end: Size) -> tuple[bool, int, int]:
        return any(profile.admits(end) for profile in home), end.pixels, end.height

    return min(named - {size}, key=nearness, default=None)
