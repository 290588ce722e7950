"""One trial in the making."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.harness import Turn
from bench.launch import Handle
from bench.plan import Planned
from sizewise.core import codec
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
    ShapeChange,
    Status,
)


class Measurement:
    """What a trial gave so far. A failure ends it, and it alone."""

    engine: Path
    worker: Handle
    """The engine's folder, once it is built, and the child that holds it now."""

    def __init__(self, planned: Planned, timeout_s: float) -> None:
        self.planned = planned
        self._protocol = planned.trial.protocol
        self._timeout_s = timeout_s
        self.build: Build | None = None
        self.first_calls: list[FirstCall] = []
        self.blocks: list[Block] = []
        self.parts: list[Part] = []
        self.memory: Memory | None = None
        self.accuracy: Accuracy | None = None
        self.failure: SizewiseError | None = None

    @property
    def label(self) -> str:
        cell = self.planned.trial.cell
        network = cell.network if cell.fusion == "none" else f"{cell.network}-{cell.fusion}"
        return f"{network} {cell.backend} {cell.strategy} {cell.size}"

    def take_engine(self, artifact: EngineArtifact) -> None:
        self.engine = artifact.path
        self.build = Build(
            build_s=artifact.build_s,
            size_bytes=artifact.size_bytes,
            achieved=artifact.achieved.summary,
            device_predicted_bytes=artifact.memory.total_bytes if artifact.memory else None,
        )

    def call(self, method: str, **arguments: Any) -> Any:
        """Of the worker; plain values in and out."""
        return self.worker.call(method, arguments, timeout_s=self._timeout_s)

    def warm_up(self, process: int) -> None:
        open_ns = self.call("warm_up", calls=self._protocol.warmup_calls)
        self.first_calls.append(FirstCall(process=process, open_ns=open_ns))

    def measure_block(self, turn: Turn) -> None:
        block = self.call("measure", turn=codec.to_plain(turn))
        self.blocks.append(codec.from_plain(block, Block))

    def measure_parts(self, process: int) -> None:
        """As often as there are calls in all blocks of the process, if these are the shortest."""
        repetitions = self._protocol.rounds * self._protocol.block_calls
        parts = self.call("parts", process=process, repetitions=repetitions)
        self.parts += codec.from_plain(parts, tuple[Part, ...])

    def read_memory(self) -> None:
        memory = self.call("memory")
        self.memory = codec.from_plain(memory, Memory) if memory else None

    def change_shape(self) -> None:
        """And back. An engine that fails at the other shape (which may be larger) costs no trial at
        this one; it is not asked again."""
        last, protocol = self.first_calls[-1], self._protocol
        if any(first.change_reason for first in self.first_calls):
            return
        try:
            change = self.call(
                "change_shape", warmup_calls=protocol.warmup_calls, calls=protocol.block_calls
            )
            if change:
                change = codec.from_plain(change, ShapeChange)
                self.first_calls[-1] = replace(last, change=change)
        except (EngineError, InputError) as error:
            self.first_calls[-1] = replace(last, change_reason=str(error))

    @contextmanager
    def at_its_own_risk(self) -> Iterator[None]:
        """An engine that fails within the block costs this trial. (A full disk or a defect of ours
        is no engine's failure, and goes on its way.)"""
        try:
            yield
        except (EngineError, InputError) as error:
            self.failure = error

    def result(self) -> Result:
        """Blocks measured before a failure are kept with it."""
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
