"""Measuring a cell: our session and the library by itself, by turns in processes of their own."""

from __future__ import annotations

from collections.abc import Sequence

from bench.audit.parity import Cell, Parity
from bench.audit.turns import PairedWave, Shape, Side, measure_wave
from bench.remote import RemoteWorker
from bench.waves.launch import Launch, Limits, launch_child
from sizewise.core.children.child import Child

WARM_UP_CALLS = 3
_BARE = "bench.audit.bare:BareWorker"


def launch_bare(limits: Limits) -> RemoteWorker:
    """Start a process for a library by itself, as :func:`bench.waves.launch.launch_child` does for
    a session."""
    return RemoteWorker(
        Child(_BARE, memory_limit_bytes=limits.memory_bytes), timeout_s=limits.timeout_s
    )


class ParityRun:
    """A cell that is measured wave by wave, from the ``waves`` on that it has."""

    def __init__(
        self,
        cell: Cell,
        limits: Limits,
        shape: Shape,
        *,
        ours: Launch = launch_child,
        bare: Launch = launch_bare,
        waves: Sequence[PairedWave] = (),
    ) -> None:
        self._cell, self._shape = cell, shape
        self._sides = (
            Side(launch=lambda: ours(limits), prepare=self._prepare_ours),
            Side(launch=lambda: bare(limits), prepare=self._prepare_bare),
        )
        self._waves = list(waves)

    def measure_wave(self) -> None:
        """Measure one more wave. Raises EngineError (ChildError among them) and InputError."""
        self._waves.append(measure_wave(*self._sides, self._shape, len(self._waves)))

    @property
    def label(self) -> str:
        return self._cell.label

    @property
    def waves(self) -> int:
        return len(self._waves)

    @property
    def parity(self) -> Parity:
        """What is measured so far."""
        return Parity(label=self._cell.label, waves=tuple(self._waves))

    def _prepare_ours(self, worker: RemoteWorker) -> None:
        worker.prepare(self._cell.engine.path, self._cell.size)
        _open(worker)

    def _prepare_bare(self, worker: RemoteWorker) -> None:
        engine = self._cell.engine
        worker.call(
            "__init__",
            backend=engine.spec.backend,
            source=str(self._cell.source),
            shape=list(engine.image.shape(engine.spec.batch_size, self._cell.size)),
            threads=engine.spec.threads,
            static=engine.spec.strategy == "static",
        )
        _open(worker)


def _open(worker: RemoteWorker) -> None:
    worker.open()
    worker.warm_up(WARM_UP_CALLS)
