"""One engine in one wave: the process that holds it, and what it gave so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from bench.planning.plan import Planned
from bench.remote import Latencies, RemoteWorker
from bench.timing.flushing import Twin, compare
from bench.timing.harness import Turn
from bench.waves.measured import Member, State, Turned
from sizewise.core.children.child import ChildError
from sizewise.core.errors import EngineError, InputError, SizewiseError
from sizewise.core.specs import EngineArtifact, Size
from sizewise.core.trials import Build, FirstCall, Flushing, Memory, Part, ShapeChange

APART_WAVES = 5
"""So many processes of a trial are measured beside the rounds: memory, the change to another shape
and the way from picture to objects take as long as the rounds, and differ little."""
PART_CALLS = 20
"""Times that each part of a call is run by itself in a wave."""
_CHANGE = "change"
"""Of a failure at another shape; the others have the names of ``FirstCall.failures``."""


class LiveMember:
    """An engine while its wave is measured. A failure ends this trial, and no other.

    ``sizes`` are all at which the sweep measures the engine; ``measured_apart`` says whether it is
    measured beside the rounds as well. ``twin`` is what it is then compared with, or why there is
    none; None where nothing is to be compared.
    """

    worker: RemoteWorker
    """The child that holds the engine, once it is started."""

    def __init__(
        self,
        planned: Planned,
        artifact: EngineArtifact,
        *,
        sizes: Sequence[Size] = (),
        measured_apart: bool = True,
        twin: Twin | EngineError | InputError | None = None,
    ) -> None:
        self.planned = planned
        self.measured_apart = measured_apart
        self.failure: SizewiseError | None = None
        self.lost = False
        """Whether its child ended while something was measured beside the rounds."""
        self._artifact = artifact
        self._sizes = sizes
        self._twin = twin
        self._flushing: Flushing | None = None
        self._turns: list[Turned] = []
        self._first_call: FirstCall | None = None
        self._memory: Memory | None = None
        self._change: ShapeChange | None = None
        self._parts: Latencies = {}
        self._end_to_end: Latencies = {}
        self._picture_turns: list[tuple[str, ...]] = []
        """What disturbed each turn of pictures."""
        self._failures: dict[str, str] = {}

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

    def measure_apart(self, calls: int) -> None:
        """Measure what stands beside the calls: memory, the parts of a call, the change to another
        shape and the walk over all sizes. What fails leaves its reason, and the trial stands."""
        self._beside("memory", self._read_memory)
        self._beside("parts", self._time_parts)
        self._beside(_CHANGE, lambda: self._change_shape(calls))
        if len(self._sizes) > 1:
            self._beside("walk", self._walk)

    def compare_with_twin(
        self, launch: Callable[[], RemoteWorker], turn: Turn, chance: Random, warmup_calls: int
    ) -> None:
        """Take turns with the same engine that takes subnormal numbers as zero, where there is one;
        ``launch`` starts its process."""
        twin = self._twin
        if isinstance(twin, Twin):
            opened = partial(self._started, launch, twin, warmup_calls)
            self._beside("flushing", lambda: self._compare(opened, twin.share, turn, chance))
        elif twin is not None:
            self._failures["flushing"] = str(twin)

    def time_pictures(self, pictures: Sequence[Path]) -> None:
        """Time the way from pictures to objects, after all else: libraries that decode pictures
        count as memory from here on. After a failure, no more pictures are taken."""
        if "end_to_end" not in self._failures:
            self._beside("end_to_end", lambda: self._add_way(pictures))

    def note_pictures(self, disturbed: tuple[str, ...]) -> None:
        """Note what disturbed a turn of pictures."""
        self._picture_turns.append(disturbed)

    def _beside(self, name: str, measure: Callable[[], None]) -> None:
        """Measure something, unless the child is gone."""
        if self.lost:
            self._failures[name] = "Its process had ended by then."
            return
        try:
            measure()
        except (EngineError, InputError) as error:
            self._failures[name] = str(error)
            self.lost = isinstance(error, ChildError) and not error.lives

    def _read_memory(self) -> None:
        self._memory = self.worker.memory()

    def _time_parts(self) -> None:
        self._parts = self.worker.parts(PART_CALLS)

    def _change_shape(self, calls: int) -> None:
        self._change = self.worker.change_shape(calls, calls)

    def _walk(self) -> None:
        if self._memory is not None:
            self._memory = replace(self._memory, walk_bytes=self.worker.walk(self._sizes))

    def _started(
        self, launch: Callable[[], RemoteWorker], twin: Twin, warmup_calls: int
    ) -> RemoteWorker:
        worker = launch()
        worker.prepare(twin.engine.path, self.planned.trial.cell.size)
        worker.open()
        worker.warm_up(warmup_calls)
        return worker

    def _compare(
        self, opened: Callable[[], RemoteWorker], share: float, turn: Turn, chance: Random
    ) -> None:
        as_is_ns, flushed_ns = compare(self.worker, opened, turn, chance)
        self._flushing = Flushing(share=share, as_is_ns=as_is_ns, flushed_ns=flushed_ns)

    def _add_way(self, pictures: Sequence[Path]) -> None:
        for part in self.worker.end_to_end(pictures, self.planned.model.card):
            before = self._end_to_end.get(part.name, ())
            self._end_to_end[part.name] = (*before, *part.latency_ns)

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
            first_call=self._with_change(),
            memory=self._memory,
            parts=_parts(self._parts),
            end_to_end=_parts(self._end_to_end, _most(self._picture_turns)),
        )

    def _with_change(self) -> FirstCall | None:
        if self._first_call is None:
            return None
        failures = {name: why for name, why in self._failures.items() if name != _CHANGE}
        return replace(
            self._first_call,
            change=self._change,
            change_reason=self._failures.get(_CHANGE, ""),
            failures=failures,
            flushing=self._flushing,
        )


def _parts(latencies: Latencies, disturbed: tuple[str, ...] = ()) -> tuple[Part, ...]:
    return tuple(
        Part(name=name, wave=0, latency_ns=ns, disturbed=disturbed)
        for name, ns in latencies.items()
    )


def _most(turns: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What disturbed the turns, each once, where fewer than half were left alone: the rule for the
    rounds of a process."""
    if 2 * turns.count(()) >= len(turns):
        return ()
    return tuple(dict.fromkeys(code for codes in turns for code in codes))
