"""Sizes that a plan would need and nobody measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engines.planning.batches import Batch
from reports.choice.planning.deciding import decide
from reports.choice.planning.kinds import Group
from reports.choice.planning.setting import Setting
from reports.rows.configured import rigor_of
from sizewise.core.errors import InputError
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel, Size, Sizes
from sizewise.pipeline.records.planning.setting import Sources

if TYPE_CHECKING:
    from bench.planning.settings import SweepSettings

_PROCESSES = 4
"""For each engine: no verdict hangs on these figures, and there are many of them."""
_FOR_A_MODEL = 6
"""Sizes from the smallest to the largest: one model of them serves for all between."""


def missing_sizes(setting: Setting) -> Mapping[Group, Sequence[Size]]:
    """The sizes that groups of static engines have to be measured at to be considered at all that
    come, by group: some for a model, or all where the model errs."""
    found = {}
    for group in setting.groups:
        sizes = [size for size in setting.demand.sizes if _is_unknown(group, size)]
        if group.is_static and sizes:
            found[group] = sizes if _errs(group) else _spread(sizes)
    return found


def without_model(setting: Setting) -> Mapping[Group, Sequence[Size]]:
    """Those of :func:`missing_sizes` that make a model, where there is none, or that lie beyond
    one."""
    missing = missing_sizes(setting)
    wanted = {
        group: _beyond(group, sizes) if _errs(group) else sizes for group, sizes in missing.items()
    }
    return {group: sizes for group, sizes in wanted.items() if sizes}


def _beyond(group: Group, sizes: Sequence[Size]) -> list[Size]:
    """The smallest and the largest of the sizes that no model of the group covers: with them, it
    covers all."""
    fit = group.ms.fit
    found = [one for one in sizes if group.ms.at(one) is None and not (fit and fit.covers(one))]
    return list(dict.fromkeys((found[0], found[-1]))) if found else []


def hoped_for(
    setting: Setting, hopeless: frozenset[str] = frozenset()
) -> Mapping[Group, Sequence[Size]]:
    """The inputs of static engines that nobody measured, and that would be in the best plan if they
    took as little as their models allow: without them, no size is worth measuring. ``hopeless``
    engines, by their names, are not looked at."""
    best = decide(replace(setting, hopeful=True, hopeless=hopeless))
    found: dict[Group, dict[Size, None]] = {}
    for use in best.served if best else ():
        if use.bucket is not None and _is_unknown(use.group, use.bucket):
            found.setdefault(use.group, {})[use.bucket] = None
    return {group: list(sizes) for group, sizes in found.items()}


def _errs(group: Group) -> bool:
    return group.ms.fit is not None and not group.ms.fit.holds


def _spread(sizes: Sequence[Size]) -> list[Size]:
    last = len(sizes) - 1
    places = {round(last * part / (_FOR_A_MODEL - 1)) for part in range(_FOR_A_MODEL)}
    return [sizes[place] for place in sorted(places)]


def _is_unknown(group: Group, size: Size) -> bool:
    return group.ms.at(size) is None or group.memory_mib(size) is None


def measure_sizes(
    sources: Sources, missing: Mapping[Group, Sequence[Size]], reporter: Reporter
) -> None:
    """Measure them, into the same results. Raises InputError where a model is gone, and as a sweep
    does."""
    from sizewise.pipeline.bench import bench

    for group, sizes in missing.items():
        model = model_of(group, sources)
        settings = replace(settings_of(group, sizes, sources), processes=_PROCESSES)
        bench((model,), settings, out=sources.results.parent, reporter=reporter)


def model_of(group: Group, sources: Sources) -> ExportedModel:
    """The model of a group. Raises InputError where it is gone."""
    sha256 = group.any.model_sha256
    if sha256 not in sources.models:
        raise InputError(
            f"{group.name} can't be measured",
            f"its model is not where it was ({sources.path_of(sha256) or 'not known'})",
            "Put it back, or measure it again with sizewise bench.",
        )
    return sources.models[sha256]


def settings_of(
    group: Group, sizes: Sequence[Size], sources: Sources, *, profiles: str = ""
) -> SweepSettings:
    """A sweep of engines like those of ``group`` at these sizes; ``profiles`` are those of an
    engine of several."""
    from bench.planning.settings import SweepSettings

    spec, cell = group.spec, group.any.result.trial.cell
    return SweepSettings(
        backends=(spec.backend,),
        strategies=(spec.strategy,),
        sizes=Sizes(sizes),
        batch=(Batch(spec.batch_size, spec.batch_range),),
        profiles=profiles,
        graph_fusion=(spec.graph_fusion,),
        threads=spec.threads,
        options=tuple(cell.options.split()),
        allow_fallback=spec.options.allow_fallback,
        rigor=rigor_of(sources.records.runs).name,
    )
