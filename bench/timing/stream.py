"""Calls of several engines in one process, in the order in which pictures come.

:func:`run_stream` runs in a child: ``bench.streaming`` is the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.timing import readings
from bench.timing.apart import time_call
from bench.timing.harness import no_garbage_collection, warm_up
from engines.base import example_inputs
from engines.inputs import check_size
from engines.registry import find_backend
from engines.store.opening import open_engine
from engines.store.trust import read_trusted
from sizewise.core.specs import Size

_WARM_UP = 3
_PARTS = 10
"""Of a stream: calls alone stand around each, since the speed of a machine wanders within
seconds."""


def run_stream(
    engines: Sequence[str], places: Sequence[Sequence[Any]], order: Sequence[int], calls: int
) -> dict[str, Any]:
    """Time a call for each of ``order``, by the numbers of ``places``; each of these is the number
    of an engine and its input size. Before, between and after the parts of that, each place has
    ``calls`` calls on its own.

    Inputs are random noise. Gives nanoseconds, from bind to the end of synchronize, and bytes of
    this process. Raises what opening and calls raise.
    """
    artifacts = [read_trusted(Path(engine)) for engine in engines]
    backends = [find_backend(artifact.spec.backend) for artifact in artifacts]
    for backend in backends:
        backend.load_library()
    inputs = []
    for number, text in places:
        artifact, size = artifacts[number], Size.parse(text)
        check_size(artifact, size)
        inputs.append(example_inputs(artifact, artifact.spec.batch_size, size))
    with ExitStack() as opened:
        sessions = [opened.enter_context(open_engine(artifact)) for artifact in artifacts]
        clock = backends[0].clock()

        def call(place: int) -> int:
            return time_call(sessions[places[place][0]], clock, inputs[place])

        alone_ns: list[list[int]] = [[] for _ in places]

        def alone() -> None:
            for place, taken in enumerate(alone_ns):
                taken.extend([call(place) for _ in range(calls + 1)][1:])

        for place, (number, _) in enumerate(places):
            call(place)
            warm_up(sessions[number], _WARM_UP)
        with no_garbage_collection():
            stream_ns: list[int] = []
            for part in parts(order, _PARTS):
                alone()
                call(order[len(stream_ns) - 1])  # what came before, as without a break
                stream_ns += map(call, part)
            alone()
        return {
            "stream_ns": stream_ns,
            "alone_ns": alone_ns,
            "inputs_bytes": sum(a.nbytes for one in inputs for a in one.values()),
            "resident_bytes": readings.resident_bytes(),
            "device_bytes": readings.device_bytes(),
        }


def parts(order: Sequence[int], count: int) -> list[Sequence[int]]:
    """``order`` in pieces of equal length, but for one; at most so many."""
    length = -(-len(order) // count)
    return [order[start : start + length] for start in range(0, len(order), length)]
