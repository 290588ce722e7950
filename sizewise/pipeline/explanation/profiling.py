"""The time of each layer in the engines of a converted file, and in those of its FP32 parent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import gate
from sizewise.core.errors import EngineError
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel, Size
from sizewise.core.specs.explained.layers import EngineTime, LayerRun
from sizewise.core.trials import Reading
from sizewise.core.trials.disturbances import describe, disturbances

if TYPE_CHECKING:
    from engines.base import Backend
    from engines.explaining import LayerTimes


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An engine that could not be profiled, and why."""

    backend: str
    size: Size
    file: Path
    error: EngineError


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """The runs of each layer in the ``engines`` that could be profiled. ``disturbed`` says what
    disturbed the machine meanwhile, if anything did."""

    runs: Mapping[str, tuple[LayerRun, ...]]
    engines: tuple[EngineTime, ...]
    refused: tuple[Refused, ...] = ()
    disturbed: str = ""


def profilers() -> Mapping[str, Backend]:
    """The back ends whose runtime tells the time of each layer, by name."""
    from engines.registry import backends

    return {name: one for name, one in backends().items() if one.has_profile and not one.for_tests}


def unfit(backend: Backend, precision: str) -> str:
    """Why engines of files in ``precision`` can't be profiled in it here; empty where they can."""
    if not (answer := backend.can_run()).ok:
        return f"it can't run here: {answer.reason}"
    if precision in backend.precisions:
        return ""
    why = backend.refused_precisions.get(precision, "")
    return f"it takes no {precision}" + (f", for {why}" if why else "")


def profile_layers(
    model: ExportedModel,
    parent: ExportedModel,
    layers: Sequence[str],
    *,
    backends: Sequence[str],
    sizes: Sequence[Size],
    reporter: Reporter,
) -> Profiles:
    """Profile engines of ``model`` and of ``parent``, built for the purpose and removed.

    A remark says so where the times are unreliable.
    """
    found = _Profiling(layers, reporter)
    start = gate.snapshot(())
    pairs = [(backend, size) for backend in backends for size in sizes]
    with reporter.stage("Profiling engines", 2 * len(pairs)) as stage:
        for backend, size in pairs:
            stage.advance(0, note=f"{backend} {size}")
            ours = found.profile(model, backend, size)
            stage.advance()
            theirs = found.profile(parent, backend, size) if ours else None
            stage.advance()
            if ours:
                found.add(backend, size, ours, theirs)
    disturbed = _disturbed(gate.reading(start, gate.snapshot(())))
    if disturbed and found.engines:
        reporter.remark(
            f"Times of layers are unreliable: {disturbed}. Run it again on a quiet machine."
        )
    return Profiles(
        runs={name: tuple(runs) for name, runs in found.runs.items()},
        engines=tuple(found.engines),
        refused=tuple(found.refused),
        disturbed=disturbed,
    )


def _disturbed(reading: Reading) -> str:
    return ", ".join(describe(code, reading) for code in disturbances(reading))


class _Profiling:
    """Collects what was profiled, and what could not be."""

    def __init__(self, layers: Sequence[str], reporter: Reporter) -> None:
        self._layers, self._reporter = layers, reporter
        self.runs: dict[str, list[LayerRun]] = {name: [] for name in layers}
        self.engines: list[EngineTime] = []
        self.refused: list[Refused] = []

    def profile(self, model: ExportedModel, backend: str, size: Size) -> LayerTimes | None:
        from sizewise.pipeline.models.one_engine import profiled

        try:
            return profiled(model, backend, size, self._layers, self._reporter)
        except EngineError as error:
            self.refused.append(Refused(backend=backend, size=size, file=model.path, error=error))
            return None

    def add(self, backend: str, size: Size, found: LayerTimes, before: LayerTimes | None) -> None:
        for name, run in _runs(backend, size, self._layers, found, before):
            self.runs[name].append(run)
        self.engines.append(
            EngineTime(
                backend=backend,
                size=size,
                total_ms=found.total_ms,
                layers_ms=math.fsum(one.ms for one in found.layers.values()),
                parent_ms=before.total_ms if before else None,
            )
        )


def _runs(
    backend: str,
    size: Size,
    layers: Sequence[str],
    found: LayerTimes,
    before: LayerTimes | None,
) -> Iterator[tuple[str, LayerRun]]:
    for name in layers:
        here = found.layers.get(name)
        there = before.layers.get(name) if before else None
        yield (
            name,
            LayerRun(
                backend=backend,
                size=size,
                precision=here.precision if here else None,
                ms=here.ms if here else None,
                share=here.ms / found.total_ms if here and found.total_ms else None,
                gained_ms=there.ms - here.ms if here and there else None,
            ),
        )
