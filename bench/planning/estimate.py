"""What a sweep would measure, and about how long: nothing is built and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.journal.store import Store
from bench.planning.durations import Engine, waves_s
from bench.planning.plan import Group, plan_sweep
from bench.planning.schedule import Due, Schedule
from bench.planning.settings import SweepSettings
from bench.planning.trying import Trying
from engines.planning.specs import engine_specs
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import ExportedModel, Size
from sizewise.core.stats import RIGORS
from sizewise.core.trials import Result


@dataclass(frozen=True, kw_only=True)
class SizeEstimate:
    """The trials at one size, those that need more waves, and the time of these in minutes: with as
    few waves as there may be on a quiet machine, and with as many on a loud one."""

    size: Size
    trials: int
    pending: int
    least_minutes: float
    most_minutes: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A sweep before it begins. ``assumed`` says that some latencies are not known yet: calls of
    10 ms stand for these. Builds and accuracy come on top."""

    sizes: tuple[SizeEstimate, ...]
    engines: int
    max_minutes: float
    assumed: bool

    @property
    def trials(self) -> int:
        return sum(one.trials for one in self.sizes)

    @property
    def pending(self) -> int:
        return sum(one.pending for one in self.sizes)

    @property
    def least_minutes(self) -> float:
        return min(self.max_minutes, sum(one.least_minutes for one in self.sizes))

    @property
    def most_minutes(self) -> float:
        return min(self.max_minutes, sum(one.most_minutes for one in self.sizes))


def estimate(models: Sequence[ExportedModel], settings: SweepSettings, results: Path) -> Estimate:
    """The trials of a sweep into the file ``results``, and its time. Raises as ``bench.sweep``
    does."""
    engine_specs(settings.products())  # wrong names are reported first
    fingerprint = read_environment().fingerprint
    groups = plan_sweep(models, settings, environment_fingerprint=fingerprint)
    on_file, quarantined = _on_file(results)
    trying = Trying(groups, on_file, quarantined, settings)
    schedule = Schedule(groups, on_file, trying.left_out)
    dues = {due.group: due for due in schedule.due()}
    sizes = tuple(_of_group(group, dues.get(group), schedule) for group in groups)
    trials = [planned.trial for group in groups for planned in group.members]
    identities = {trial.identity for trial in trials}
    rigors = (RIGORS[group.protocol.rigor] for group in groups)
    return Estimate(
        sizes=sizes,
        engines=len({(trial.model_sha256, trial.spec) for trial in trials}),
        max_minutes=settings.max_minutes or max(rigor.minutes for rigor in rigors),
        assumed=any(identity not in on_file for identity in identities),
    )


def _on_file(results: Path) -> tuple[Mapping[str, Result], Mapping[str, str]]:
    """The results, and the codes of those that are quarantined."""
    if not results.is_file() or not results.stat().st_size:
        return {}, {}
    with Store.open(results, read_only=True) as store:
        return store.results(), store.quarantined()


def _of_group(group: Group, due: Due | None, schedule: Schedule) -> SizeEstimate:
    """With rounds that nothing disturbs and as few waves as there may be, one at least; and with as
    many of both as the protocol allows."""
    engines = [
        Engine(planned=one, known=schedule.result(one.trial), waves=schedule.waves(one))
        for one in (due.members if due else ())
    ]
    least, most = schedule.to_come(due) if due else (0, 0)
    return SizeEstimate(
        size=group.size,
        trials=len(group.members),
        pending=len(due.wanted) if due else 0,
        least_minutes=waves_s(group.protocol, engines, least, disturbed=False) / 60,
        most_minutes=waves_s(group.protocol, engines, most, disturbed=True) / 60,
    )
