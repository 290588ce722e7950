"""A sweep: plan, leave out what is on file, measure wave by wave, store each wave whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.accuracy.engine import demand_fit, demand_meaning
from bench.accuracy.evaluations import Data
from bench.accuracy.plan import DataKey, demand_use
from bench.journal.store import Store
from bench.outcome import SweepOutcome
from bench.planning.plan import models_of, plan_sweep
from bench.planning.settings import SweepSettings
from bench.running import RunningSweep, Tools
from bench.waves.launch import Launch, launch_child
from bench.waves.watching import Watching, watching
from engines.planning.specs import engine_specs
from netzoo.data.choosing import chosen
from sizewise.core import codec
from sizewise.core.files import output_folder
from sizewise.core.machine.environment import Environment, read_environment
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import ExportedModel, excluded_in
from sizewise.core.trials import Run

if TYPE_CHECKING:
    from netzoo.tasks.task import Data as AnyData

__all__ = ["RESULTS", "SweepOutcome", "measuring", "run_of", "sweep"]

RESULTS = "results.sqlite"


def sweep(
    models: Sequence[ExportedModel],
    settings: SweepSettings,
    out: Path,
    *,
    command: str = "",
    progress: Reporter = SILENT,
    launch: Launch = launch_child,
    watch: Watching = watching,
) -> SweepOutcome:
    """Measure what is not yet on file in ``out`` of the trials of ``settings`` and ``models``.

    Each wave is stored when it ends: killed at any moment, the same call resumes, and no finished
    wave is measured again. Raises UsageError and InputError before anything is measured,
    OutputError and RecordError with the results so far intact.
    """
    engine_specs(settings.products())  # wrong names are reported before data are made
    environment = read_environment()
    data = _open_data(models, settings, progress)
    groups = plan_sweep(models, settings, environment_fingerprint=environment.fingerprint)
    with measuring(out, progress, launch, watch) as tools:
        running = RunningSweep(groups, settings, data, tools)
        if running.is_needed:
            run = run_of(models, settings, environment, command)
            running.measure({"": tools.store.begin_run(run)})
        return running.outcome(tools.folder / RESULTS)


@contextmanager
def measuring(out: Path, progress: Reporter, launch: Launch, watch: Watching) -> Iterator[Tools]:
    """What a sweep into the folder ``out`` works with, its results file open."""
    path = output_folder(out) / RESULTS
    with Store.open(path, remark=progress.remark) as store:
        yield Tools(store=store, folder=path.parent, progress=progress, launch=launch, watch=watch)


def _open_data(
    models: Sequence[ExportedModel], settings: SweepSettings, progress: Reporter
) -> Data:
    """The validation data of each table. Raises InputError, and UsageError where a layout must be
    said or an option has no use."""
    products = settings.products()
    demand_use((a.accuracy for a in products), (model.card for model in models))
    whole: dict[DataKey, AnyData] = {}
    found: dict[DataKey, AnyData] = {}
    for axes in products:
        plan = axes.accuracy
        for model in models_of(axes, models) if plan.data else ():
            demand_meaning(model, plan.data)
            key = plan.key(model.card)
            of_all = replace(key, images=0)
            if of_all not in whole:
                whole[of_all] = plan.open(model.card, progress)
            found[key] = chosen(whole[of_all], plan.images)
            taken = (size for size in axes.sizes if not model.refusal(size))
            demand_fit(model, found[key], plan, taken)
    return found


def run_of(
    models: Iterable[ExportedModel],
    settings: SweepSettings,
    environment: Environment,
    command: str,
) -> Run:
    """A run that begins now, as it is filed."""
    configuration = {
        "settings": settings.plain(),
        "models": [_facts(model) for model in models],
    }
    return Run(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=environment,
        configuration=codec.to_json(configuration),
        command=command,
    )


def _facts(model: ExportedModel) -> dict[str, Any]:
    """What a report says of a model beside its figures."""
    card = model.card
    facts = {
        "path": str(model.path),
        "sha256": model.sha256,
        "parameters": card.parameters,
        "out_of_bound": [one for one in card.deviations if not one.within],
    }
    if not card.kept:
        return facts
    kept_in = excluded_in(card.precision)
    return facts | {"kept": card.kept, "kept_in": kept_in, "kept_for": card.kept_for}
