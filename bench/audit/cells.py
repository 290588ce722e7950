"""The engines that an audit sets beside their libraries: which, built, and measured in time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.audit.audited import Skipped
from bench.audit.beside import ParityRun
from bench.audit.models import LARGE, SMALL
from bench.audit.parity import Cell
from bench.audit.plan import TORCH_MINUTES
from bench.audit.turns import Shape
from bench.waves.launch import Limits
from engines.backends._bare.calls import BARE
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.registry import find_backend
from engines.store.cache import obtain_engine
from sizewise.core.children.child import run_in_child
from sizewise.core.errors import BackendUnavailableError, EngineError, InputError
from sizewise.core.progress import Progress
from sizewise.core.specs import EngineArtifact, ExportedModel, Size, Sizes

_PROGRAM = "engines.backends._bare.chains:write_program"


def usable_backends() -> tuple[str, ...]:
    """Those that build and run engines here, and whose library can be measured by itself. Raises
    BackendUnavailableError where there is none."""
    answers = {
        name: (find_backend(name).can_build(), find_backend(name).can_run()) for name in BARE
    }
    found = tuple(name for name, both in answers.items() if all(answer.ok for answer in both))
    if not found:
        first = next(answer for both in answers.values() for answer in both if not answer.ok)
        raise BackendUnavailableError(
            "No back end can be measured here",
            f"{next(iter(answers))}: {first.reason}",
            first.todo,
            reason_code="unsupported_backend",
        )
    return found


def affordable(
    names: Sequence[str], with_torch: bool
) -> tuple[tuple[str, ...], tuple[Skipped, ...]]:
    """The back ends that there is time for, and what is left out. Where nothing but PyTorch is
    there, it is measured in any case."""
    quick = tuple(name for name in names if not name.startswith("torch"))
    if with_torch or not quick:
        return tuple(names), ()
    reason = f"PyTorch takes seconds to start: sizewise audit --minutes {TORCH_MINUTES:g}"
    left = (name for name in names if name not in quick)
    return quick, tuple(Skipped(label=f"{name} at {LARGE}", reason=reason) for name in left)


def engine_of(
    model: ExportedModel, backend: str, size: Size, threads: int, folder: Path
) -> EngineArtifact:
    """The engine of ``model`` for one size, static where the back end can, built in ``folder``
    unless it is there. Raises EngineError and InputError."""
    static = "static" in find_backend(backend).strategies
    axes = EngineAxes(
        backends=(backend,),
        strategies=("static" if static else "dynamic",),
        sizes=Sizes((size,)),
        threads=threads,
    )
    (spec,) = engine_specs((axes,))
    return obtain_engine(model, spec, folder)


def obtain_cells(
    model: ExportedModel, backends: Sequence[str], threads: int, folder: Path, progress: Progress
) -> Iterator[Cell | Skipped]:
    """A large size for each back end and, for those that read ONNX files, a small one on one
    thread. A cell whose engine can't be built is skipped, with the reason."""
    wanted = [(name, LARGE, threads) for name in backends]
    wanted += [(name, SMALL, 1) for name in backends if not name.startswith("torch")]
    with progress.stage("Building engines", len(wanted)) as stage:
        for name, size, count in wanted:
            try:
                if name.startswith("torch"):
                    write_program_beside(model)
                yield Cell.of(model, engine_of(model, name, size, count, folder), size)
            except (EngineError, InputError) as error:
                yield Skipped(label=f"{name} at {size}", reason=str(error))
            stage.advance(note=f"{name} at {size}")


def write_program_beside(model: ExportedModel) -> None:
    """Write the ``.pt2`` of a network of an audit, unless it is there. Raises EngineError.

    It is written in a child: PyTorch takes 200 MiB that this process does not need.
    """
    if not model.program_path.exists():
        arguments = {"model": str(model.path), "program": str(model.program_path)}
        run_in_child(_PROGRAM, arguments, timeout_s=600.0)


def measure_cells(
    cells: Sequence[Cell],
    limits: Limits,
    shape: Shape,
    progress: Progress,
    *,
    waves: int,
    seconds: float,
) -> tuple[tuple[ParityRun, ...], tuple[Skipped, ...]]:
    """Measure waves of all cells, wave after wave, while there is time and ``waves`` at most.

    Gives the cells, and those that failed, with the reason. One wave is measured in any case; a
    cell that has no more shows nothing.
    """
    runs = [ParityRun(cell, limits, shape) for cell in cells]
    skipped: list[Skipped] = []
    started = time.monotonic()
    with progress.stage("Beside the libraries", waves * len(runs)) as stage:
        for number in range(waves):
            for run in tuple(runs):
                try:
                    run.measure_wave()
                except (EngineError, InputError) as error:
                    runs.remove(run)
                    skipped.append(Skipped(label=run.label, reason=str(error)))
                stage.advance(note=f"{run.label}, wave {number + 1}")
            gone = time.monotonic() - started
            if gone * (number + 2) / (number + 1) > seconds:
                stage.extend(-len(runs) * (waves - number - 1))
                break
    return tuple(runs), tuple(skipped)
