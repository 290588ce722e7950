"""A machine whose clock is scripted: it moves with sleeps, and with calls of the fake engine.

All else of the parent is real: planning, schedule, waves, journal, gate, anchor and progress.
Engines, builds and the anchor live in this process, so that a minute of the clock takes moments.
"""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

from bench.anchor.worker import AnchorWorker
from bench.waves.launch import Limits
from bench.waves.watching import MachineWatch, Watching
from bench.waves.wave import Watch
from engines.backends._timeline import TIMELINE
from sizewise.cli import console
from sizewise.core.trials import Reading, Sample

_EPOCH_NS = 1_767_225_600_000_000_000
_TIMED = (
    *("bench.running", "bench.worker", "bench.timing.harness", "bench.waves.wave"),
    *("bench.anchor.worker", "sizewise.cli.console"),
)
"""Modules that get the scripted clock. The gate keeps the real one, as its counters are real."""
_ANCHOR_NS = 20e6
_DISTURBED = 0.05
"""Of the rounds, as on a desk."""


class Clock:
    """Stands in for the module ``time``."""

    def sleep(self, seconds: float) -> None:
        TIMELINE.advance(seconds * 1e9)

    def monotonic(self) -> float:
        return TIMELINE.now() / 1e9

    def time_ns(self) -> int:
        return _EPOCH_NS + TIMELINE.now()

    def perf_counter_ns(self) -> int:
        return TIMELINE.now()

    process_time_ns = perf_counter_ns


class _Kernel:
    """The anchor's work, which takes no time but on the clock."""

    def __init__(self, threads: int) -> None:
        del threads

    def run(self) -> None:
        TIMELINE.advance(_ANCHOR_NS)

    def result(self) -> bytes:
        return b"the same"

    def clear(self) -> None:
        pass

    close = clear


class _Anchor:
    """The anchor without a process of its own."""

    pid = os.getpid()

    def __init__(self) -> None:
        self._worker = AnchorWorker()

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        del timeout_s
        return getattr(self._worker, method)(**arguments)

    def close(self) -> None:
        self._worker.close()


class _Desk(MachineWatch):
    """Watches this machine, calls ``look`` before each wave, and takes some rounds for
    disturbed."""

    def __init__(
        self, limits: Limits, remark: Callable[[str], None], look: Callable[[], None], seed: int
    ) -> None:
        super().__init__(limits.timeout_s, remark)
        self._look, self._chance = look, random.Random(seed)

    def begin_wave(self) -> None:
        super().begin_wave()
        self._look()

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        found = super().disturbances(reading, anchor)
        return found or (("load",) if self._chance.random() < _DISTURBED else ())


def watched(look: Callable[[], None], seed: int) -> Watching:
    """The watch of a sweep, which calls ``look`` before each wave."""

    @contextmanager
    def watch(limits: Limits, remark: Callable[[str], None]) -> Iterator[Watch]:
        with _Desk(limits, remark, look, seed) as desk:
            yield desk

    return watch


@contextmanager
def scripted(seed: int) -> Iterator[None]:
    """Within the block, time is the script's, and nothing has a process of its own."""
    TIMELINE.restart(seed)
    clock = Clock()
    with ExitStack() as opened:
        nowhere = opened.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        put = {f"{module}.time": clock for module in _TIMED} | {
            "bench.anchor.worker.Kernel": _Kernel,
            "bench.waves.watching._start_anchor": _Anchor,
            "engines.store.cache.run_in_child": _run_here,
        }
        for name, stand_in in put.items():
            opened.enter_context(patch(name, stand_in))
        opened.enter_context(patch.object(console, "console", Console(file=nowhere)))
        yield


def _run_here(target: str, arguments: dict[str, Any], **limits: object) -> Any:
    del limits
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)(**arguments)
