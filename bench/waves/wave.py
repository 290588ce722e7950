"""One wave of the engines of one size: each lives in a fresh child, and all live at the same time.

A wave has rounds, and in a round each engine has one turn, in random order, and so has the anchor.
So slow drift of the machine affects all engines alike, and differences between processes show from
wave to wave. What is timed beside the rounds is timed one engine at a time, too, in random order.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol as Interface

from bench.planning.protocol import Protocol
from bench.remote import RemoteWorker
from bench.timing.harness import Turn
from bench.waves.launch import Launch, Limits
from bench.waves.measured import Wave
from bench.waves.member import LiveMember
from sizewise.core.machine.cores import usable_cores
from sizewise.core.progress import Stage
from sizewise.core.specs import Size
from sizewise.core.trials import Build, Reading, Round, Sample

ATTEMPTS = 4
"""At a round that is disturbed: it is measured again up to three times."""
PICTURE_TURNS = 3
"""Turns in which each engine takes its pictures; the first batch of each goes ahead once, as calls
that are cold do."""


class Watch(Interface):
    """What watches the machine, in every round and turn of pictures, and measures the anchor."""

    @property
    def anchor(self) -> str:
        """The anchor's kernel and what it depends on; empty where there is none."""

    @property
    def stopped_s(self) -> float:
        """Seconds so far in which this process was stopped."""

    def begin_wave(self) -> None:
        """Give the anchor a fresh process, as engines have in each wave."""

    def begin(self, pids: Sequence[int]) -> None:
        """Start reading, with these children at work."""

    def measure_anchor(self, turn: Turn) -> Sample | None:
        """Time a turn of the anchor."""

    def end(self, pids: Sequence[int]) -> Reading:
        """What happened since :meth:`begin`."""

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        """Why this round does not count; empty where it does."""


def _no_pictures(member: LiveMember) -> Sequence[Path]:
    del member
    return ()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What waves are measured with. ``pictures`` are timed end to end, where there are any."""

    launch: Launch
    watch: Watch
    limits: Limits
    stage: Stage
    pictures: Callable[[LiveMember], Sequence[Path]] = _no_pictures


def steps(protocol: Protocol) -> int:
    """Steps of the progress bar for one wave: the opening, and the rounds."""
    return 1 + protocol.rounds


class WaveRun:
    """A wave while it is measured."""

    def __init__(
        self,
        setup: Setup,
        protocol: Protocol,
        size: Size,
        members: Sequence[LiveMember],
        *,
        number: int,
        rebuild: int,
    ) -> None:
        self._setup = setup
        self._protocol = protocol
        self._size = size
        self._members = members
        self._number, self._rebuild = number, rebuild
        self._random = random.Random(f"{protocol.seed} {size} {number}")  # noqa: S311
        self._rounds: list[Round] = []
        self._attempts_left = protocol.rounds + protocol.rounds // 2
        """So that a machine that is never quiet costs half as much again, and not four times."""
        self._turn = Turn(
            pause_s=protocol.pause_s,
            cold_calls=protocol.cold_calls,
            calls=protocol.block_calls,
            seconds=protocol.block_s,
        )

    def measure(self, builds: Callable[[LiveMember], Sequence[Build]]) -> Wave:
        """Measure the wave; ``builds`` are those of each member's engine so far."""
        started_ns = time.time_ns()
        self._setup.watch.begin_wave()
        anchor = self._setup.watch.anchor
        with ExitStack() as workers:
            for member in self._members:
                with member.noting_failure():
                    member.worker = self._launched(member)
                    workers.callback(member.worker.close)
            side_by_side(self._prepare, self._running(), at_once=usable_cores())
            for member in self._shuffled(self._running()):
                with member.noting_failure():
                    member.start(self._protocol.warmup_calls)
            self._setup.stage.advance(note=f"{self._size}, wave {self._number + 1}: opened")
            for number in range(self._protocol.rounds):
                self._measure_round(number)
            self._measure_apart()
        return Wave(
            size=self._size,
            number=self._number,
            rebuild=self._rebuild,
            anchor=anchor,
            started_ns=started_ns,
            ended_ns=max(started_ns, time.time_ns()),
            rounds=tuple(self._rounds),
            members=tuple(member.result(builds(member)) for member in self._members),
        )

    def _launched(self, member: LiveMember) -> RemoteWorker:
        return self._setup.launch(self._setup.limits.under(member.planned.python))

    def _prepare(self, member: LiveMember) -> None:
        with member.noting_failure():
            member.prepare()

    def _measure_round(self, number: int) -> None:
        for attempt in range(ATTEMPTS):
            measured = self._attempt(number, attempt)
            self._rounds.append(measured)
            self._attempts_left -= 1
            rounds_left = self._protocol.rounds - number - 1
            if not measured.disturbed or self._attempts_left <= rounds_left:
                break
        note = f"{self._size}, wave {self._number + 1}, round {number + 1}"
        self._setup.stage.advance(note=note)

    def _attempt(self, number: int, attempt: int) -> Round:
        watch = self._setup.watch
        order: list[LiveMember | None] = [*self._running(), None]  # None: the anchor
        self._random.shuffle(order)
        pids = [member.worker.pid for member in self._running()]
        anchor: Sample | None = None
        started_ns = time.time_ns()
        watch.begin(pids)
        for member in order:
            if member is None:
                anchor = watch.measure_anchor(self._turn)
                continue
            with member.noting_failure():
                member.take_turn(self._turn, number, attempt)
        reading = watch.end(pids)
        return Round(
            number=number,
            attempt=attempt,
            started_ns=started_ns,
            ended_ns=max(started_ns, time.time_ns()),
            reading=reading,
            anchor=anchor,
            disturbed=watch.disturbances(reading, anchor),
        )

    def _measure_apart(self) -> None:
        """Measure one engine after another; pictures by turns of a few, as calls are."""
        apart = [member for member in self._running() if member.measured_apart]
        for member in self._shuffled(apart):
            member.measure_apart(self._protocol.block_calls)
            self._compare_with_twin(member)
        pictures = {member: self._setup.pictures(member) for member in apart}
        for turn in range(PICTURE_TURNS):
            some = {member: pictures[member][turn::PICTURE_TURNS] for member in apart}
            if any(some.values()):
                self._time_pictures(some)

    def _time_pictures(self, pictures: Mapping[LiveMember, Sequence[Path]]) -> None:
        """Give each engine its turn, with the machine watched as over a round. A turn that was
        disturbed is not measured again: it tells on the process, if most were."""
        watch = self._setup.watch
        pids = [member.worker.pid for member in self._running()]
        timed = [member for member in self._shuffled(list(pictures)) if pictures[member]]
        watch.begin(pids)
        for member in timed:
            member.time_pictures(pictures[member])
        disturbed = watch.disturbances(watch.end(pids), None)
        for member in timed:
            member.note_pictures(disturbed)

    def _compare_with_twin(self, member: LiveMember) -> None:
        with ExitStack() as workers:

            def launch() -> RemoteWorker:
                worker = self._launched(member)
                workers.callback(worker.close)
                return worker

            member.compare_with_twin(
                launch, self._turn, self._random, max(1, self._protocol.warmup_calls)
            )

    def _shuffled(self, members: Sequence[LiveMember]) -> list[LiveMember]:
        """In random order, so that none is always the first, or always the next to another."""
        return self._random.sample(members, len(members))

    def _running(self) -> list[LiveMember]:
        return [member for member in self._members if member.running]


def side_by_side(
    work: Callable[[LiveMember], None], on: Sequence[LiveMember], *, at_once: int
) -> None:
    """Do untimed work for several engines at once. An interruption does not wait for the rest."""
    pool = ThreadPoolExecutor(max(1, at_once))
    try:
        # Errors spell options as the user wrote them, which each thread must be told.
        for done in [pool.submit(copy_context().run, work, member) for member in on]:
            done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
