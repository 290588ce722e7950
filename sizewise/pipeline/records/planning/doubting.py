"""What a plan does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reports.choice.planning.decided import Decided
from reports.choice.planning.fitting import Fit
from reports.choice.planning.kinds import Group
from reports.choice.planning.telling import Unknown
from reports.columns import Row
from reports.text.disturbances import counted_codes
from reports.text.words import counted, listed
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size
from sizewise.pipeline.records.planning.measuring import hoped_for, missing_sizes
from sizewise.pipeline.records.planning.profiling import Profiled, missing_profiles
from sizewise.pipeline.records.planning.setting import Sources


def unknown(
    decided: Decided, sources: Sources, *, measure: bool, is_rated: bool
) -> Iterator[Unknown]:
    """What a plan of ``decided`` does not know, and how to measure it. ``measure`` says that its
    engines were measured together, ``is_rated`` that its accuracy was measured."""
    setting = decided.setting
    if rows := _unreliable(decided):
        yield _doubted(rows, sources)
    if missing := hoped_for(setting) if measure else missing_sizes(setting):
        sizes = {size for found in missing.values() for size in found}
        command = sources.bench_command(tuple(missing), _ordered(sizes))
        instead = "" if measure else f", or add {spelled('measure')}"
        yield Unknown(
            what="Not considered at all sizes that come: "
            f"{listed(_why_missing(group) for group in missing)}. Measure "
            f"{counted(len(sizes), 'size')}{instead}:",
            command=command,
        )
    if profiled := missing_profiles(setting):
        yield _not_profiled(profiled, sources, measure=measure)
    unmeasured = _unmeasured(decided)
    if modelled := {place: fit for place, fit in unmeasured.items() if fit is not None}:
        error = max(fit.error for fit in modelled.values())
        yield Unknown(
            what="Modelled, and not measured: the latency of "
            f"{counted(len(modelled), 'input')} of the plan. The model errs by at most "
            f"{100 * error:.1f} % at sizes that are left out of it."
        )
    if bounded := len(unmeasured) - len(modelled):
        instead = "" if measure else f": {spelled('measure')} measures them"
        yield Unknown(
            what=f"Not measured: the latency of {counted(bounded, 'input')} of the plan. That of a "
            f"larger input stands for each{instead}."
        )
    if not is_rated and setting.curves.metric is not None:
        yield Unknown(
            what="Accuracy is that of square inputs, by the scale of the pictures: "
            f"{spelled('data')} measures it at the inputs of the plan."
        )
    if not measure:
        yield from _apart(decided)


def _not_profiled(profiled: Sequence[Profiled], sources: Sources, *, measure: bool) -> Unknown:
    """Engines of several profiles were measured, with other bounds than this traffic's."""
    first = profiled[0]
    same = [one for one in profiled if one.bounds == first.bounds]
    instead = "" if measure else f", or add {spelled('measure')}, which tries 2 to 4 profiles"
    return Unknown(
        what=f"Not considered: engines of {len(first.bounds)} profiles with bounds for this "
        f"traffic ({listed(map(str, first.bounds))}). Measure them{instead}:",
        command=sources.bench_command([one.group for one in same], first.sizes, first.requested),
    )


def _apart(decided: Decided) -> Iterator[Unknown]:
    """Where engines were not measured together, over the traffic."""
    if len(decided.engines) > 1:
        yield Unknown(
            what="The engines' memory was added up, and what their changes cost was not measured: "
            f"{spelled('measure')} measures the engines together."
        )
    for group, inputs in _new_inputs(decided).items():
        yield Unknown(
            what=f"{group.name} may take more memory: it was measured at "
            f"{counted(len(group.rows), 'size')}, and the plan runs it at "
            f"{counted(len(inputs), 'other')}; some libraries keep memory for each. "
            f"{spelled('measure')} measures it."
        )


def _new_inputs(decided: Decided) -> dict[Group, set[Size]]:
    """Inputs of engines of several sizes that were not run where their memory was measured."""
    found: dict[Group, set[Size]] = {}
    for number, use in enumerate(decided.served):
        size = use.candidate.serves[number].input
        if not use.group.is_static and size is not None and size not in use.group.rows:
            found.setdefault(use.group, set()).add(size)
    return found


def _unreliable(decided: Decided) -> dict[Group, list[Row]]:
    """Disturbed rows of the kinds of engines that a plan uses: other sizes are modelled from
    them."""
    groups = dict.fromkeys(use.group for use in decided.served)
    found = {group: _disturbed(group) for group in groups}
    return {group: rows for group, rows in found.items() if rows}


def _disturbed(group: Group) -> list[Row]:
    """Without those that a model stands for."""
    return [row for size, row in group.rows.items() if row.disturbed and size in group.ms.measured]


def _doubted(rows: Mapping[Group, Sequence[Row]], sources: Sources) -> Unknown:
    counts = (f"{group.name} ({counted(len(found), 'size')})" for group, found in rows.items())
    reasons = counted_codes(
        [code for found in rows.values() for row in found for code in row.disturbance_codes]
    )
    sizes = {row.size for found in rows.values() for row in found}
    again = sources.bench_command(tuple(rows), _ordered(sizes))
    return Unknown(
        what=f"Unreliable, and so is the plan: the milliseconds of {listed(counts)}, "
        f"{listed(reasons)}. Measure again, on a machine that does nothing else:",
        command=f"{again} {spelled('force')}",
    )


def _ordered(sizes: Iterable[Size]) -> list[Size]:
    return sorted(sizes, key=lambda size: (size.pixels, size))


def _unmeasured(decided: Decided) -> dict[tuple[Group, Size], Fit | None]:
    """The inputs of a plan whose latency was not measured, with the model that stands for it; None
    where a larger input's does."""
    found = {}
    for number, use in enumerate(decided.served):
        size, known = use.candidate.serves[number].input, use.group.ms
        measured_in_plan = (use.candidate.loads, size) in decided.setting.place_ms
        if size is not None and size not in known.measured and not measured_in_plan:
            found[use.group, size] = known.fit if known.at(size) is not None else None
    return found


def _why_missing(group: Group) -> str:
    """``openvino static (3 sizes)``, or with what its model errs by."""
    fit = group.ms.fit
    why = (
        f"a model of its latency errs by {100 * fit.error:.0f} %"
        if fit is not None and not fit.holds
        else f"{counted(len(group.rows), 'size')} measured"
    )
    return f"{group.name} ({why})"
