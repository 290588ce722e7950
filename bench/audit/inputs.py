"""What it is worth to an engine that the same images are given again and again.

The harness binds one array for all calls, so a call finds its input in the processor's caches.
Beside it, the same engine is given other images in each call, from more memory than the caches
hold. On both sides a call binds its images, so that nothing but their place differs.
"""

from __future__ import annotations

import itertools
import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bench.audit.turns import PairedWave, Shape, Side, measure_wave
from bench.remote import RemoteWorker
from bench.timing.harness import Turn, time_turn, warm_up
from engines.base import example_inputs
from engines.registry import find_backend
from engines.store.opening import open_engine
from engines.store.trust import read_trusted
from sizewise.core import codec
from sizewise.core.children.child import Child
from sizewise.core.specs import EngineArtifact, Size

POOL_BYTES = 256 << 20
"""More than most processors' last cache."""
_WORKER = "bench.audit.inputs:InputWorker"


class InputWorker:
    """One open engine that is given one of ``arrays`` inputs after another. Its methods are called
    as those of ``bench.worker.Worker``."""

    def __init__(self, engine: str, size: str, arrays: int) -> None:
        artifact = read_trusted(Path(engine))
        self._backend = find_backend(artifact.spec.backend)
        self._backend.load_library()
        self._artifact = artifact
        batch_size, at = artifact.spec.batch_size, Size.parse(size)
        pool = [example_inputs(artifact, batch_size, at, seed) for seed in range(arrays)]
        self._next = itertools.cycle(pool).__next__
        self._opened = ExitStack()

    def open(self) -> int:
        """Open the engine; gives 0, since nothing is timed."""
        self._session = self._opened.enter_context(open_engine(self._artifact))
        return 0

    def warm_up(self, calls: int) -> int:
        """Make ``calls`` calls; gives 0."""
        self._session.bind(self._next())
        warm_up(self._session, calls)
        return 0

    def measure(self, turn: dict[str, Any]) -> Any:
        """Time a turn: a plain Sample; ``turn`` is a plain Turn."""
        clock = self._backend.clock()
        return codec.to_plain(time_turn(self._call, clock, codec.from_plain(turn, Turn)))

    def close(self) -> None:
        """Close the engine."""
        self._opened.close()

    def _call(self) -> None:
        self._session.bind(self._next())
        self._session.enqueue()
        self._session.synchronize()


def pool_size(engine: EngineArtifact, size: Size) -> int:
    """Inputs that take ``POOL_BYTES`` together, two at least."""
    shape = engine.image.shape(engine.spec.batch_size, size)
    one_bytes = math.prod(shape) * np.dtype(engine.image.tensor.dtype).itemsize
    return max(2, POOL_BYTES // one_bytes)


def measure_inputs(
    engine: EngineArtifact, size: Size, shape: Shape, number: int, *, timeout_s: float
) -> PairedWave:
    """A wave of ``engine`` with fresh inputs (first) beside one and the same (second). Raises
    EngineError and InputError."""

    def side(arrays: int) -> Side:
        def prepare(worker: RemoteWorker) -> None:
            worker.call("__init__", engine=str(engine.path), size=str(size), arrays=arrays)
            worker.open()
            worker.warm_up(3)

        return Side(
            launch=lambda: RemoteWorker(Child(_WORKER), timeout_s=timeout_s),
            prepare=prepare,
        )

    fresh, same = side(pool_size(engine, size)), side(1)
    return measure_wave(fresh, same, shape, number)
