"""One trial in the making."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.launch import Handle
from bench.plan import Planned
from sizewise.errors import EngineError, InputError, SizewiseError
from sizewise.specs import EngineArtifact
from sizewise.trials import Accuracy, Block, Build, Memory, Result, Status


class Measurement:
    """What a trial gave so far. A failure ends it, and it alone."""

    engine: Path
    worker: Handle
    """The engine's folder, once it is built, and the child that holds it now."""

    def __init__(self, planned: Planned, timeout_s: float) -> None:
        self.planned = planned
        self._timeout_s = timeout_s
        self.build: Build | None = None
        self.blocks: list[Block] = []
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
        )

    def call(self, method: str, **arguments: Any) -> Any:
        """Of the worker; plain values in and out."""
        return self.worker.call(method, arguments, timeout_s=self._timeout_s)

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
        )


def _status(failure: SizewiseError | None) -> Status:
    if failure is None:
        return "ok"
    if failure.reason_code == "numerics":
        return "invalid"
    return "unsupported" if failure.reason_code.startswith("unsupported") else "failed"
