"""A sweep over exported models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.planning.settings import SweepSettings
from sizewise.core.further.resolving import assumptions
from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.config import read_bench_file, words_of_bench
from sizewise.pipeline.models.cards import MeaningOptions
from sizewise.pipeline.models.fixed import as_files_take_it

if TYPE_CHECKING:
    from bench.planning.estimate import Estimate
    from bench.sweep import SweepOutcome
    from sizewise.core.specs import ExportedModel


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Models, and how they are measured; ``path`` is the TOML file that says it, if one does."""

    models: tuple[ExportedModel, ...]
    settings: SweepSettings
    path: Path | None = None

    def trying(self, *, retry: bool, force: bool) -> Sweep:
        """The same, with what the command line says of trials that failed."""
        return replace(self, settings=again(self.settings, retry=retry, force=force))


def again(settings: SweepSettings, *, retry: bool, force: bool) -> SweepSettings:
    """``settings`` that also try what failed before, where the command line says so."""
    return replace(settings, retry=settings.retry or retry, force=settings.force or force)


def read_sweep(path: Path) -> Sweep:
    """Read a sweep from a TOML file. Raises UsageError that names the key, and InputError."""
    file = read_bench_file(path)
    with words_of_bench(path):
        models = read_models(file.models, file)
    return Sweep(models=models, settings=file.bench, path=path)


def read_models(paths: Sequence[Path], meaning: MeaningOptions) -> tuple[ExportedModel, ...]:
    """Read ONNX files. Raises InputError, and UsageError for a layout that is not a file's own."""
    from sizewise.core.onnxfiles.model import read_model

    return tuple(meaning.of(read_model(path)) for path in paths)


def bench(
    models: Sequence[ExportedModel],
    settings: SweepSettings,
    *,
    out: Path,
    command: str = "",
    reporter: Reporter = SILENT,
) -> SweepOutcome:
    """Measure the trials that are not on file in ``out`` yet.

    ``command`` is the command line that a user typed, for the record.
    Raises as :func:`bench.sweep.sweep`.
    """
    from bench.sweep import sweep

    fitted = fitted_to(models, settings, reporter)
    return sweep(models, fitted, out, command=command, progress=reporter)


def fitted_to(
    models: Sequence[ExportedModel], settings: SweepSettings, reporter: Reporter
) -> SweepSettings:
    """``settings`` as files of one size need them; says that, and what is assumed of models."""
    for model in models:
        for remark in assumptions(model):
            reporter.remark(f"{model.path.name}: {remark}")
    return _fitted(models, settings, reporter)


def foresee(models: Sequence[ExportedModel], settings: SweepSettings, *, out: Path) -> Estimate:
    """Say what :func:`bench` would measure and about how long, without measuring.

    Raises as :func:`bench.sweep.sweep` does before it measures.
    """
    from bench.planning.estimate import estimate
    from bench.sweep import RESULTS

    return estimate(models, _fitted(models, settings, SILENT), out / RESULTS)


def _fitted(
    models: Sequence[ExportedModel], settings: SweepSettings, reporter: Reporter
) -> SweepSettings:
    """``settings`` as files of one size need them; tables of sweeps say all themselves."""
    return settings if settings.sweep else as_files_take_it(settings, models, reporter)
