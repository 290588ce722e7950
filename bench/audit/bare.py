"""A library by itself in a child, timed as ``bench.worker`` times a session of ours."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.timing.harness import Turn, time_turn
from engines.backends._bare.calls import bare_call
from sizewise.core import codec


class BareWorker:
    """One library with one file open. Its methods are called as those of ``bench.worker.Worker``:
    their arguments and results are plain. They raise what the library raises."""

    def __init__(
        self, backend: str, source: str, shape: list[int], threads: int, static: bool
    ) -> None:
        self._backend, self._source = backend, Path(source)
        self._threads, self._static = threads, static
        # The numbers that our worker gives its engine.
        self._images = np.random.default_rng(0).random(shape, dtype=np.float32)

    def open(self) -> int:
        """Load the library and the file: the nanoseconds that both took."""
        begin = time.perf_counter_ns()
        self._call = bare_call(
            self._backend, self._source, self._images, self._threads, static=self._static
        )
        return time.perf_counter_ns() - begin

    def warm_up(self, calls: int) -> int:
        """Make ``calls`` calls, at least one: the nanoseconds of the first."""
        begin = time.perf_counter_ns()
        self._call()
        first_ns = time.perf_counter_ns() - begin
        for _ in range(calls - 1):
            self._call()
        return first_ns

    def measure(self, turn: dict[str, Any]) -> Any:
        """Time a turn: a plain Sample; ``turn`` is a plain Turn."""
        sample = time_turn(self._call, time.perf_counter_ns, codec.from_plain(turn, Turn))
        return codec.to_plain(sample)
