"""A sweep over exported models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.settings import SweepSettings
from netzoo.tasks.showing import PictureOptions
from sizewise.core.options import option
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.reading import TEXT
from sizewise.pipeline.config import read_bench_file
from sizewise.pipeline.fixed import as_files_take_it
from sizewise.pipeline.models import read_as

if TYPE_CHECKING:
    from bench.estimate import Estimate
    from bench.sweep import SweepOutcome
    from sizewise.core.specs import ExportedModel


@dataclass(frozen=True, kw_only=True)
class MeaningOptions(PictureOptions):
    """What the inputs and outputs of models mean, where their cards do not say so."""

    layout: str = option(
        TEXT,
        "",
        help="Layout of your detector's outputs: see docs/models.md.",
        group="Models and data",
        shown="as the file says",
    )


AS_THE_CARD_SAYS = MeaningOptions()


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Models, and how they are measured."""

    models: tuple[ExportedModel, ...]
    settings: SweepSettings


def read_sweep(path: Path) -> Sweep:
    """Read a sweep from a TOML file. Raises UsageError that names the key, and InputError."""
    file = read_bench_file(path)
    return Sweep(models=read_models(file.models), settings=file.bench)


def read_models(
    paths: Sequence[Path], meaning: MeaningOptions = AS_THE_CARD_SAYS
) -> tuple[ExportedModel, ...]:
    """Read ONNX files. Raises InputError, and UsageError for a layout that is not a file's own."""
    models = [read_as(path, meaning.layout) for path in paths]
    return tuple(replace(one, card=meaning.shown_to(one.card)) for one in models)


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

    fitted = _fitted(models, settings, reporter)
    return sweep(models, fitted, out, command=command, progress=reporter)


def foresee(models: Sequence[ExportedModel], settings: SweepSettings, *, out: Path) -> Estimate:
    """Say what :func:`bench` would measure and about how long, without measuring.

    Raises as :func:`bench.sweep.sweep` does before it measures.
    """
    from bench.estimate import estimate
    from bench.sweep import RESULTS

    return estimate(models, _fitted(models, settings, SILENT), out / RESULTS)


def _fitted(
    models: Sequence[ExportedModel], settings: SweepSettings, reporter: Reporter
) -> SweepSettings:
    """``settings`` as files of one size need them; tables of sweeps say all themselves."""
    return settings if settings.sweep else as_files_take_it(settings, models, reporter)
