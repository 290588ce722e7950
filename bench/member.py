"""One engine in one wave: the process that holds it, and what it gave so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.harness import Turn
from bench.measured import Member, State, Turned
from bench.plan import Planned
from bench.remote import Latencies, RemoteWorker
from sizewise.core.errors import EngineError, InputError, SizewiseError
from sizewise.core.specs import EngineArtifact
from sizewise.core.trials import Build, FirstCall, Memory, Part

APART_WAVES = 5
"""So many processes of a trial are measured beside the rounds: memory, the change to another shape
and the way from picture to objects take as long as the rounds, and differ little."""
PART_CALLS = 20
"""Times that each part of a call is run by itself in a wave."""


class LiveMember:
    """An engine while its wave is measured. A failure ends this trial, and no other."""

    worker: RemoteWorker
    """The child that holds the engine, once it is started."""

    def __init__(
        self, planned: Planned, artifact: EngineArtifact, *, measured_waves: int = 0
    ) -> None:
        self.planned = planned
        self.measured_apart = measured_waves < APART_WAVES
        self.failure: SizewiseError | None = None
        self._artifact = artifact
        self._turns: list[Turned] = []
        self._load_ns: int | None = None
        self._first_call: FirstCall | None = None
        self._memory: Memory | None = None
        self._parts: Latencies = {}
        self._end_to_end: tuple[Part, ...] = ()

    @property
    def label(self) -> str:
        """The trial as the progress bar names it."""
        return self.planned.label

    @property
    def running(self) -> bool:
        return self.failure is None

    def prepare(self) -> None:
        """Start the child's libraries: this is not timed, and done side by side."""
        self.worker.prepare(self._artifact.path, self.planned.trial.cell.size)

    def start(self, warmup_calls: int) -> None:
        """Time the loading of the engine and its very first call; then warm it up."""
        load_ns = self.worker.open()
        open_ns = self.worker.warm_up(warmup_calls)
        self._first_call = FirstCall(wave=0, open_ns=open_ns, load_ns=load_ns)

    def take_turn(self, turn: Turn, number: int, attempt: int) -> None:
        """Time a turn of calls, in an attempt at a round."""
        sample = self.worker.measure(turn)
        self._turns.append(Turned(round=number, attempt=attempt, sample=sample))

    def measure_apart(self, pictures: Sequence[Path], calls: int) -> None:
        """Measure what stands beside the calls: memory, the parts of a call, the way from picture
        to objects, and the change to another shape."""
        self._memory = self.worker.memory()
        self._parts = self.worker.parts(PART_CALLS)
        self._meet_other_shapes(calls)
        if pictures:  # last: libraries that decode pictures count as memory from here on
            self._end_to_end = self.worker.end_to_end(pictures)

    def _meet_other_shapes(self, calls: int) -> None:
        """An engine that fails at another shape (which may be larger) keeps its trial."""
        if self._first_call is None:
            return
        try:
            change = self.worker.change_shape(calls, calls)
            self._first_call = replace(self._first_call, change=change)
            if self._memory is not None:
                self._memory = replace(self._memory, walk_bytes=self.worker.walk())
        except (EngineError, InputError) as error:
            self._first_call = replace(self._first_call, change_reason=str(error))

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Note an engine's failure within the block: it ends this trial alone. A full disk or a
        defect of sizewise is no engine's failure, and is raised."""
        try:
            yield
        except (EngineError, InputError) as error:
            self.failure = error

    def result(self, builds: Sequence[Build]) -> Member:
        """What it gave. Turns before a failure stand for no process, so they are left out."""
        return Member(
            trial=self.planned.trial,
            state=State.of(self.failure),
            builds=tuple(builds),
            turns=() if self.failure else tuple(self._turns),
            first_call=self._first_call,
            memory=self._memory,
            parts=_parts(self._parts),
            end_to_end=self._end_to_end,
        )


def _parts(latencies: Latencies) -> tuple[Part, ...]:
    return tuple(Part(name=name, wave=0, latency_ns=ns) for name, ns in latencies.items())
