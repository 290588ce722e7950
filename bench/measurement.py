"""One trial while it is being measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.harness import Turn
from bench.plan import Planned
from bench.remote import RemoteWorker
from sizewise.core.errors import EngineError, InputError, SizewiseError
from sizewise.core.specs import EngineArtifact
from sizewise.core.trials import (
    Accuracy,
    Block,
    Build,
    FirstCall,
    Memory,
    Part,
    Result,
    Status,
)


class Measurement:
    """The figures of a trial so far. A failure ends this trial, and no other."""

    engine: Path
    worker: RemoteWorker
    """The engine's folder, once it is built, and the child that holds it now."""

    def __init__(self, planned: Planned) -> None:
        self.planned = planned
        self._protocol = planned.trial.protocol
        self.build: Build | None = None
        self.first_calls: list[FirstCall] = []
        self.blocks: list[Block] = []
        self.parts: list[Part] = []
        self.memory: Memory | None = None
        self.accuracy: Accuracy | None = None
        self.failure: SizewiseError | None = None

    @property
    def label(self) -> str:
        """The trial as the progress bar names it."""
        cell = self.planned.trial.cell
        network = cell.network if cell.fusion == "none" else f"{cell.network}-{cell.fusion}"
        return f"{network} {cell.backend} {cell.strategy} {cell.size}"

    def take_engine(self, artifact: EngineArtifact) -> None:
        """Keep the figures of the build, and where the engine is."""
        self.engine = artifact.path
        self.build = Build(
            build_s=artifact.build_s,
            size_bytes=artifact.size_bytes,
            achieved=artifact.achieved.summary,
            device_predicted_bytes=artifact.memory.total_bytes if artifact.memory else None,
        )

    def open(self) -> None:
        """Open the engine in the worker."""
        self.worker.open(self.engine, self.planned.trial.cell.size)

    def warm_up(self, process: int) -> None:
        """Time the cold start of a process, then make the rest of the warm-up calls."""
        open_ns = self.worker.warm_up(self._protocol.warmup_calls)
        self.first_calls.append(FirstCall(process=process, open_ns=open_ns))

    def measure_block(self, turn: Turn) -> None:
        """Time one block of calls."""
        self.blocks.append(self.worker.measure(turn))

    def measure_parts(self, process: int) -> None:
        """Time each part of a call as often as all blocks of a process have calls at least."""
        repetitions = self._protocol.rounds * self._protocol.block_calls
        self.parts += self.worker.parts(process, repetitions)

    def read_memory(self) -> None:
        """Read the memory of the worker's process."""
        self.memory = self.worker.memory()

    def change_shape(self) -> None:
        """Time the change to another shape, and the return. An engine that fails at the other shape
        (which may be larger) keeps its trial at this one; later processes do not try again."""
        last, protocol = self.first_calls[-1], self._protocol
        if any(first.change_reason for first in self.first_calls):
            return
        try:
            change = self.worker.change_shape(protocol.warmup_calls, protocol.block_calls)
            self.first_calls[-1] = replace(last, change=change)
        except (EngineError, InputError) as error:
            self.first_calls[-1] = replace(last, change_reason=str(error))

    def measure_accuracy(self, step: int, on_step: Callable[[], None]) -> None:
        """Evaluate the engine on the trial's data, ``step`` images at a time: one call's time-out
        is not that of a whole data set."""
        planned = self.planned
        count = self.worker.prepare_accuracy(
            planned.data, planned.trial.data_sha256, planned.model.card
        )
        for start in range(0, count, step):
            self.worker.evaluate(start, start + step)
            on_step()
        self.accuracy = self.worker.accuracy()

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Note an engine's failure within the block: it ends this trial alone. A full disk or a
        defect of sizewise is no engine's failure, and is raised."""
        try:
            yield
        except (EngineError, InputError) as error:
            self.failure = error

    def result(self) -> Result:
        """The result so far; blocks measured before a failure are kept with it."""
        return Result(
            trial=self.planned.trial,
            status=_status(self.failure),
            reason_code=self.failure.reason_code if self.failure else "",
            reason=str(self.failure) if self.failure else "",
            memory=self.memory,
            accuracy=self.accuracy,
            build=self.build,
            blocks=tuple(self.blocks),
            first_calls=tuple(self.first_calls),
            parts=tuple(self.parts),
        )


def _status(failure: SizewiseError | None) -> Status:
    if failure is None:
        return "ok"
    if failure.reason_code == "numerics":
        return "invalid"
    return "unsupported" if failure.reason_code.startswith("unsupported") else "failed"
