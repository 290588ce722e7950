"""What is timed apart from the blocks: first calls, and the parts of a call."""

from __future__ import annotations

from collections.abc import Mapping

from bench.harness import no_garbage_collection
from engines.base import Array, Clock, Session
from sizewise.core.specs import EngineSpec, Size
from sizewise.core.trials import Part


def time_call(session: Session, clock: Clock, inputs: Mapping[str, Array]) -> int:
    """Nanoseconds from bind to the end of synchronize: opening, or a change of shape or profile,
    is in one or the other. Raises InferenceError."""
    with no_garbage_collection():
        begin = clock()
        session.bind(inputs)
        session.enqueue()
        session.synchronize()
        return clock() - begin


def measure_parts(
    session: Session, clock: Clock, *, process: int, repetitions: int
) -> tuple[Part, ...]:
    """Each part of a call ``repetitions`` times, by turns, so that data flow as in a call; nothing
    where it has no parts. Raises InferenceError."""
    parts = session.parts()
    latency_ns: dict[str, list[int]] = {name: [] for name in parts}
    with no_garbage_collection():
        for _ in range(repetitions):
            for name, part in parts.items():
                begin = clock()
                part()
                session.synchronize()
                latency_ns[name].append(clock() - begin)
    return tuple(
        Part(name=name, process=process, latency_ns=tuple(samples))
        for name, samples in latency_ns.items()
    )


def another_shape(spec: EngineSpec, size: Size) -> tuple[int, Size] | None:
    """Batch and size to change to and back: another size or, where the engine takes one only,
    another batch. None where it takes one shape only."""
    if other := another_size(spec, size):
        return spec.batch_size, other
    batches = {spec.batches.min, spec.batches.max} - {spec.batch_size}
    return (min(batches), size) if batches else None


def another_size(spec: EngineSpec, size: Size) -> Size | None:
    """The smallest of the sizes that the engine's profiles name, of a profile that does not take
    ``size`` where there is one. None where they name no other."""
    home = [profile for profile in spec.profiles if profile.admits(size)]
    named = set(spec.sizes)

    def nearness(end: Size) -> tuple[bool, int, int]:
        return any(profile.admits(end) for profile in home), end.pixels, end.height

    return min(named - {size}, key=nearness, default=None)
