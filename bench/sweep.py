"""A sweep: plan, skip what is on file, measure group by group, store each group whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.accuracy import demand_fit
from bench.builds import Builds
from bench.journal.store import Store
from bench.launch import Launch, Limits, launch_child
from bench.plan import Group, models_of, plan_sweep
from bench.settings import SweepSettings
from bench.waves import Setup, measure_group, steps
from engines.planning.specs import engine_specs
from netzoo.data.coco import Dataset
from netzoo.data.sources import open_dataset
from sizewise.core import codec
from sizewise.core.environment import Environment, read_environment
from sizewise.core.files import output_folder
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import ExportedModel
from sizewise.core.trials import Result, Run, Status

RESULTS = "results.sqlite"
ENGINES = "engines"


@dataclass(frozen=True, kw_only=True)
class SweepOutcome:
    """The trials of a plan after a sweep. ``statuses`` counts all of them, measured now or on file
    before; ``without_figures`` are those that are not ``ok``."""

    results: Path
    measured: int
    skipped: int
    statuses: Mapping[Status, int]
    without_figures: tuple[Result, ...]

    @property
    def exit_code(self) -> int:
        """3 where trials failed, 4 where outputs were not finite, 1 where no trial could be
        measured; unsupported trials beside measured ones are no failure."""
        if self.statuses.get("failed"):
            return 3
        if self.statuses.get("invalid"):
            return 4
        return 0 if self.statuses.get("ok") else 1


def sweep(
    models: Sequence[ExportedModel],
    settings: SweepSettings,
    out: Path,
    *,
    command: str = "",
    progress: Progress = SILENT,
    launch: Launch = launch_child,
) -> SweepOutcome:
    """Measure the trials of ``settings`` and ``models`` that are not yet on file in ``out``.

    The results of a group are stored together when it ends: killed at any moment, the same call
    resumes, and no finished trial is measured again. Raises UsageError and InputError before
    anything is measured, OutputError and RecordError with the results so far intact.
    """
    engine_specs(settings.products())  # wrong names are reported before data are made
    environment = read_environment()
    data = _open_data(models, settings, progress)
    groups = plan_sweep(
        models,
        settings,
        environment_fingerprint=environment.fingerprint,
        data_sha256={"": ""} | {source: found.sha256 for source, found in data.items()},
    )
    identities = [p.trial.identity for group in groups for p in group.members]
    path = output_folder(out) / RESULTS
    with Store.open(path) as store:
        finished = store.finished(identities)
        pending = _pending(groups, finished)
        if pending:
            run = store.begin_run(_run(models, settings, environment, command))
            images = {source: len(found.images) for source, found in data.items()}
            for results in _measured(
                pending, settings, path.parent, images, progress=progress, launch=launch
            ):
                store.add_results(run, results)
        statuses = Counter(store.statuses(identities).values())
        without_figures = store.without_figures(identities)
    return SweepOutcome(
        results=path,
        measured=len(identities) - len(finished),
        skipped=len(finished),
        statuses=statuses,
        without_figures=without_figures,
    )


def _open_data(
    models: Sequence[ExportedModel], settings: SweepSettings, progress: Progress
) -> dict[str, Dataset]:
    """The validation data by source. Raises UsageError, and InputError where they don't fit."""
    with_data = [(a.data, models_of(a, models)) for a in settings.products() if a.data]
    sources = sorted({source for source, _ in with_data})
    found = {source: open_dataset(source, "val", progress=progress) for source in sources}
    for source, chosen in with_data:
        for model in chosen:
            demand_fit(model, found[source])
    return found


def _pending(groups: Sequence[Group], finished: set[str]) -> tuple[Group, ...]:
    left = (
        replace(g, members=tuple(p for p in g.members if p.trial.identity not in finished))
        for g in groups
    )
    return tuple(group for group in left if group.members)


def _run(
    models: Sequence[ExportedModel],
    settings: SweepSettings,
    environment: Environment,
    command: str,
) -> Run:
    configuration = {
        "settings": settings.plain(),
        "models": [
            {"path": str(m.path), "sha256": m.sha256, "parameters": m.card.parameters}
            for m in models
        ],
    }
    return Run(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=environment,
        configuration=codec.to_json(configuration),
        command=command,
    )


def _measured(
    pending: Sequence[Group],
    settings: SweepSettings,
    folder: Path,
    images: Mapping[str, int],
    *,
    progress: Progress,
    launch: Launch,
) -> Iterator[tuple[Result, ...]]:
    """Results, one group after another."""
    limits = Limits(timeout_s=settings.timeout_s, memory_bytes=settings.memory_limit_bytes)
    builds = Builds(folder / ENGINES, limits)
    total = sum(steps(planned, images) for group in pending for planned in group.members)
    with progress.stage("Measuring", total) as stage:
        setup = Setup(
            obtain=builds.obtain, launch=launch, limits=limits, images=images, stage=stage
        )
        for group in pending:
            yield measure_group(setup, group)
