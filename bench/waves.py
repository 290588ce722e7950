"""The engines of one size, measured in turn.

In every wave each engine lives in a fresh child, and all these children live at the same time. A
wave has rounds, and in a round each engine has one block, in random order. So slow drift of the
machine affects all engines alike, and differences between processes show within each engine's own
samples. Cold starts are measured before the rounds, the parts of a call after them; only one engine
works at a time there, too.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from bench.harness import Turn
from bench.launch import Launch, Limits
from bench.measurement import Measurement
from bench.plan import Group, Planned
from sizewise.core.environment import usable_cores
from sizewise.core.progress import Stage
from sizewise.core.specs import EngineArtifact
from sizewise.core.trials import Result

IMAGES_PER_CALL = 32
"""About as many images in one call of a worker: its time-out is not for a whole data set."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a group is measured with. ``images`` is the number of images of each data source."""

    obtain: Callable[[Planned], EngineArtifact]
    launch: Launch
    limits: Limits
    images: Mapping[str, int]
    stage: Stage


def measure_group(setup: Setup, group: Group) -> tuple[Result, ...]:
    """Measure a group and give a result for each member, failed ones too. Raises OutputError."""
    return _GroupRun(setup, group).measure()


def steps(planned: Planned, images: Mapping[str, int]) -> int:
    """Steps of the progress bar for one trial: the build; in each process the opening, the cold
    start and the blocks; and the calls for accuracy."""
    protocol = planned.trial.protocol
    calls = math.ceil(images.get(planned.data, 0) / _images_per_call(planned))
    return 1 + protocol.processes * (2 + protocol.rounds) + calls


class _GroupRun:
    """One group while it is being measured."""

    def __init__(self, setup: Setup, group: Group) -> None:
        self._setup = setup
        self._protocol = group.protocol
        self._random = random.Random(f"{group.protocol.seed} {group.size}")  # noqa: S311
        self._measurements = [Measurement(member) for member in group.members]
        self._steps_left = sum(steps(planned, setup.images) for planned in group.members)
        self._counting = threading.Lock()

    def measure(self) -> tuple[Result, ...]:
        for measurement in self._measurements:
            with measurement.noting_failure():
                measurement.take_engine(self._setup.obtain(measurement.planned))
            self._advance(measurement, "built")
        for process in range(self._protocol.processes):
            self._measure_wave(process)
        self._setup.stage.advance(self._steps_left)
        return tuple(measurement.result() for measurement in self._measurements)

    def _measure_wave(self, process: int) -> None:
        with ExitStack() as workers:
            for measurement in self._running():
                measurement.worker = self._setup.launch(self._setup.limits)
                workers.callback(measurement.worker.close)
            _side_by_side(self._start, self._running(), at_once=usable_cores())
            for measurement in self._running():
                self._warm_up(measurement, process)
            for number in range(self._protocol.rounds):
                self._measure_round(process, number)
            self._measure_parts(process)
            if process == 0:
                self._read_memory()
            if process == self._protocol.processes - 1:
                self._measure_all_accuracies()
            for measurement in self._running():
                measurement.change_shape()

    def _start(self, measurement: Measurement) -> None:
        with measurement.noting_failure():
            measurement.open()
        self._advance(measurement, "opened")

    def _warm_up(self, measurement: Measurement, process: int) -> None:
        with measurement.noting_failure():
            measurement.warm_up(process)
        self._advance(measurement, "cold start")

    def _measure_round(self, process: int, number: int) -> None:
        order = self._running()
        self._random.shuffle(order)
        turn = Turn(
            rebuild=0,
            process=process,
            round=number,
            calls=self._protocol.block_calls,
            seconds=self._protocol.block_s,
        )
        for measurement in order:
            with measurement.noting_failure():
                measurement.measure_block(turn)
            self._advance(measurement, f"process {process + 1}, round {number + 1}")

    def _measure_parts(self, process: int) -> None:
        for measurement in self._running():
            with measurement.noting_failure():
                measurement.measure_parts(process)

    def _read_memory(self) -> None:
        for measurement in self._running():
            with measurement.noting_failure():
                measurement.read_memory()

    def _measure_all_accuracies(self) -> None:
        with_data = [m for m in self._running() if m.planned.data]
        _side_by_side(self._measure_accuracy, with_data, at_once=_evaluations_at_once(with_data))

    def _measure_accuracy(self, measurement: Measurement) -> None:
        def advance() -> None:
            self._advance(measurement, "accuracy")

        with measurement.noting_failure():
            measurement.measure_accuracy(_images_per_call(measurement.planned), advance)

    def _running(self) -> list[Measurement]:
        return [m for m in self._measurements if m.failure is None]

    def _advance(self, measurement: Measurement, note: str) -> None:
        with self._counting:
            self._steps_left -= 1
            self._setup.stage.advance(note=f"{measurement.label}: {note}")


def _images_per_call(planned: Planned) -> int:
    """A multiple of the batch size, so that only the very last batch is padded."""
    batch_size = planned.trial.spec.batch_size
    return batch_size * max(1, IMAGES_PER_CALL // batch_size)


def _evaluations_at_once(measurements: list[Measurement]) -> int:
    """Two at least: one decodes images and runs NMS while the other has the cores."""
    threads = max((m.planned.trial.spec.threads for m in measurements), default=1)
    return max(2, usable_cores() // threads)


def _side_by_side(
    work: Callable[[Measurement], None], on: list[Measurement], *, at_once: int
) -> None:
    """Do untimed work for several trials at once. An interruption does not wait for the rest."""
    pool = ThreadPoolExecutor(at_once)
    try:
        for done in [pool.submit(work, measurement) for measurement in on]:
            done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
