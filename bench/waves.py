"""Measuring the engines of one size by turns.

In every wave each engine lives in a fresh child, all of them at the same time. A wave has rounds,
and in a round each engine has one block, in random order: slow drift of the machine meets all
alike, and what differs from process to process differs within every engine's own samples. First
calls and the parts of a call are measured apart, before the rounds and after them, one engine at a
time as well.
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
"""So many at a time, so that a time-out is not one for a whole data set."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a group is measured with. ``images`` is the number of images of each data source."""

    obtain: Callable[[Planned], EngineArtifact]
    launch: Launch
    limits: Limits
    images: Mapping[str, int]
    stage: Stage


def measure_group(setup: Setup, group: Group) -> tuple[Result, ...]:
    """A result for each member, whatever became of it. Raises OutputError."""
    return _GroupRun(setup, group).measure()


def steps(planned: Planned, images: Mapping[str, int]) -> int:
    """Of the progress bar, for one trial: building, in each process opening, first calls and
    blocks, and calls for accuracy."""
    protocol = planned.trial.protocol
    calls = math.ceil(images.get(planned.data, 0) / _images_per_call(planned))
    return 1 + protocol.processes * (2 + protocol.rounds) + calls


class _GroupRun:
    def __init__(self, setup: Setup, group: Group) -> None:
        self._setup = setup
        self._protocol = group.protocol
        self._random = random.Random(f"{group.protocol.seed} {group.size}")  # noqa: S311
        self._measurements = [Measurement(member) for member in group.members]
        self._steps_left = sum(steps(planned, setup.images) for planned in group.members)
        self._counting = threading.Lock()

    def measure(self) -> tuple[Result, ...]:
        for measurement in self._measurements:
            with measurement.at_its_own_risk():
                measurement.take_engine(self._setup.obtain(measurement.planned))
            self._advance(measurement, "built")
        for process in range(self._protocol.processes):
            self._measure_wave(process)
        self._setup.stage.advance(self._steps_left)
        return tuple(measurement.result() for measurement in self._measurements)

    def _measure_wave(self, process: int) -> None:
        with ExitStack() as workers:
            for measurement in self._going_on():
                measurement.worker = self._setup.launch(self._setup.limits)
                workers.callback(measurement.worker.close)
            _side_by_side(self._start, self._going_on(), at_once=usable_cores())
            for measurement in self._going_on():
                self._warm_up(measurement, process)
            for number in range(self._protocol.rounds):
                self._measure_round(process, number)
            self._measure_parts(process)
            if process == 0:
                self._read_memory()
            if process == self._protocol.processes - 1:
                self._measure_all_accuracies()
            for measurement in self._going_on():
                measurement.change_shape()

    def _start(self, measurement: Measurement) -> None:
        with measurement.at_its_own_risk():
            measurement.open()
        self._advance(measurement, "opened")

    def _warm_up(self, measurement: Measurement, process: int) -> None:
        with measurement.at_its_own_risk():
            measurement.warm_up(process)
        self._advance(measurement, "warmed up")

    def _measure_round(self, process: int, number: int) -> None:
        order = self._going_on()
        self._random.shuffle(order)
        turn = Turn(
            rebuild=0,
            process=process,
            round=number,
            calls=self._protocol.block_calls,
            seconds=self._protocol.block_s,
        )
        for measurement in order:
            with measurement.at_its_own_risk():
                measurement.measure_block(turn)
            self._advance(measurement, f"process {process + 1}, round {number + 1}")

    def _measure_parts(self, process: int) -> None:
        for measurement in self._going_on():
            with measurement.at_its_own_risk():
                measurement.measure_parts(process)

    def _read_memory(self) -> None:
        for measurement in self._going_on():
            with measurement.at_its_own_risk():
                measurement.read_memory()

    def _measure_all_accuracies(self) -> None:
        with_data = [m for m in self._going_on() if m.planned.data]
        _side_by_side(self._measure_accuracy, with_data, at_once=_evaluations_at_once(with_data))

    def _measure_accuracy(self, measurement: Measurement) -> None:
        def advance() -> None:
            self._advance(measurement, "accuracy")

        with measurement.at_its_own_risk():
            measurement.measure_accuracy(_images_per_call(measurement.planned), advance)

    def _going_on(self) -> list[Measurement]:
        return [m for m in self._measurements if m.failure is None]

    def _advance(self, measurement: Measurement, note: str) -> None:
        with self._counting:
            self._steps_left -= 1
            self._setup.stage.advance(note=f"{measurement.label}: {note}")


def _images_per_call(planned: Planned) -> int:
    """A multiple of the batch size: only the last batch of all is filled up."""
    batch_size = planned.trial.spec.batch_size
    return batch_size * max(1, IMAGES_PER_CALL // batch_size)


def _evaluations_at_once(measurements: list[Measurement]) -> int:
    """Two at least: one decodes images and runs NMS while the other has the cores."""
    threads = max((m.planned.trial.spec.threads for m in measurements), default=1)
    return max(2, usable_cores() // threads)


def _side_by_side(
    work: Callable[[Measurement], None], on: list[Measurement], *, at_once: int
) -> None:
    """For what is not timed. An interruption does not wait for the rest."""
    pool = ThreadPoolExecutor(at_once)
    try:
        for done in [pool.submit(work, measurement) for measurement in on]:
            done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
