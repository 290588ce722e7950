"""What a sweep would measure, and about how long: nothing is built and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.journal.store import Store
from bench.plan import Group, plan_sweep
from bench.protocol import Protocol
from bench.schedule import Schedule, waves_of
from bench.settings import SweepSettings
from engines.planning.specs import engine_specs
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import ExportedModel, Size
from sizewise.core.stats import RIGORS, summarize
from sizewise.core.trials import Result

_ASSUMED_S = 0.01
"""A call, where none of its trial is on file."""
_OPENING_S = 2.0
"""To start a process, load its library and open its engine."""


@dataclass(frozen=True, kw_only=True)
class SizeEstimate:
    """The trials at one size, those that need more waves, and the time of these in minutes: with as
    few waves as there may be, and with as many."""

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
    specs = engine_specs(settings.products())
    fingerprint = read_environment().fingerprint
    groups = plan_sweep(models, settings, environment_fingerprint=fingerprint)
    on_file = _on_file(results)
    schedule = Schedule(groups, on_file)
    sizes = tuple(_of_group(group, schedule, on_file) for group in groups)
    identities = {planned.trial.identity for group in groups for planned in group.members}
    rigors = (RIGORS[group.protocol.rigor] for group in groups)
    return Estimate(
        sizes=sizes,
        engines=len(specs) * len(models),
        max_minutes=settings.max_minutes or max(rigor.minutes for rigor in rigors),
        assumed=any(identity not in on_file for identity in identities),
    )


def _on_file(results: Path) -> Mapping[str, Result]:
    if not results.is_file() or not results.stat().st_size:
        return {}
    with Store.open(results, read_only=True) as store:
        return store.results()


def _of_group(group: Group, schedule: Schedule, on_file: Mapping[str, Result]) -> SizeEstimate:
    due = next((one for one in schedule.due() if one.group is group), None)
    members, wanted = ((), ()) if due is None else (due.members, due.wanted)
    wave_s = sum(
        _OPENING_S + group.protocol.rounds * _turn_s(group.protocol, on_file.get(p.trial.identity))
        for p in members
    )
    done = min((schedule.waves(planned) for planned in wanted), default=0)
    least, most = waves_of(group.protocol)
    return SizeEstimate(
        size=group.size,
        trials=len(group.members),
        pending=len(wanted),
        least_minutes=max(0, least - done) * wave_s / 60,
        most_minutes=max(0, most - done) * wave_s / 60,
    )


def _turn_s(protocol: Protocol, known: Result | None) -> float:
    call_s = summarize(known).latency_ms.point / 1e3 if known and known.blocks else _ASSUMED_S
    warm_s = max(protocol.block_s, protocol.block_calls * call_s)
    return protocol.pause_s + protocol.cold_calls * call_s + warm_s
