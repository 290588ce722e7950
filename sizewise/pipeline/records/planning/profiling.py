"""Engines of several profiles with bounds for the sizes that come, which nobody measured."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from engines.planning.size_groups import plan_profiles
from reports.choice.planning.kinds import Group
from reports.choice.planning.profiles import profile_bounds, profile_sizes
from reports.choice.planning.setting import Setting
from sizewise.core.progress import Reporter
from sizewise.core.specs import Size
from sizewise.pipeline.records.planning.measuring import model_of, settings_of
from sizewise.pipeline.records.planning.setting import Sources

COUNTS = (2, 3, 4)
"""Profiles of an engine."""
_PROCESSES = 4


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """An engine like those of ``group``, with profiles of these bounds, and the sizes to measure it
    at."""

    group: Group
    bounds: tuple[Size, ...]
    sizes: tuple[Size, ...]

    @property
    def requested(self) -> str:
        """As ``--profiles`` takes it."""
        return ",".join(map(str, self.bounds))


def missing_profiles(setting: Setting, counts: Sequence[int] = ()) -> Sequence[Profiled]:
    """Engines like those of several profiles that were measured, with bounds for this traffic: with
    so many profiles, or as many as each has (no ``counts``)."""
    found = dict[Hashable, Profiled]()
    known = {_key(group, group.spec.profiles) for group in setting.groups}
    for group in setting.groups:
        if group.spec.strategy != "profiles":
            continue
        for one in _offered(setting, group, counts or [len(group.spec.profiles)]):
            profiles = plan_profiles(one.sizes, one.requested, one.sizes)
            key = _key(group, profiles)
            if key not in known:
                found.setdefault(key, one)
    return tuple(found.values())


def measure_profiles(sources: Sources, missing: Sequence[Profiled], reporter: Reporter) -> None:
    """Measure them, into the same results. Raises as ``measure_sizes``."""
    from sizewise.pipeline.bench import bench

    for one in missing:
        settings = settings_of(one.group, one.sizes, sources, profiles=one.requested)
        bench(
            (model_of(one.group, sources),),
            replace(settings, processes=_PROCESSES),
            out=sources.results.parent,
            reporter=reporter,
        )


def _offered(setting: Setting, group: Group, counts: Sequence[int]) -> Iterator[Profiled]:
    demand = setting.demand
    for bounds in dict.fromkeys(profile_bounds(demand, count) for count in counts):
        if len(bounds) > 1:
            yield Profiled(group=group, bounds=bounds, sizes=profile_sizes(demand, bounds))


def _key(group: Group, profiles: Sequence[object]) -> Hashable:
    """Equal in engines of one model, back end and options, with the same profiles."""
    trial = group.any.result.trial
    spec = replace(group.spec, profiles=())
    return trial.model_sha256, trial.cell.options, trial.nms, trial.layout, spec, tuple(profiles)
