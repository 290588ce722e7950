"""What a plan does not know."""

from __future__ import annotations

from collections.abc import Iterator

from reports.choice.planning.deciding import Decided, Setting
from reports.choice.planning.fitting import Fit
from reports.choice.planning.kinds import Group
from reports.choice.planning.telling import Unknown
from reports.text.words import counted, listed
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size
from sizewise.pipeline.records.planning.measuring import missing_sizes
from sizewise.pipeline.records.planning.setting import Sources


def unknown(
    setting: Setting, decided: Decided, sources: Sources, *, measure: bool, is_rated: bool
) -> Iterator[Unknown]:
    """What a plan of ``decided`` does not know, and how to measure it. ``measure`` says that its
    engines were measured together, ``is_rated`` that its accuracy was measured."""
    if missing := missing_sizes(setting):
        sizes = sorted(
            {size for found in missing.values() for size in found},
            key=lambda size: (size.pixels, size),
        )
        command = sources.bench_command(tuple(missing), sizes)
        yield Unknown(
            what="Not considered at all sizes that come: "
            f"{listed(_why_missing(group) for group in missing)}. Measure "
            f"{counted(len(sizes), 'size')}, or add {spelled('measure')}:",
            command=command,
        )
    if modelled := _modelled(decided):
        error = max(fit.error for fit in modelled.values())
        yield Unknown(
            what="Modelled, and not measured: the latency of "
            f"{counted(len(modelled), 'input')} of the plan. The model errs by at most "
            f"{100 * error:.1f} % at sizes that are left out of it."
        )
    if not is_rated and setting.curves.metric is not None:
        yield Unknown(
            what="Accuracy is that of square inputs, by the scale of the pictures: "
            f"{spelled('data')} measures it at the inputs of the plan."
        )
    if not measure and len(decided.engines) > 1:
        yield Unknown(
            what="The engines' memory was added up, and what their changes cost was not measured: "
            f"{spelled('measure')} measures the engines together."
        )


def _modelled(decided: Decided) -> dict[tuple[Group, Size], Fit]:
    """The inputs of a plan whose latency is of a model, with that."""
    found = {}
    for number, use in enumerate(decided.served):
        size, fit = use.candidate.serves[number].input, use.group.ms.fit
        if size is not None and size not in use.group.rows and fit is not None:
            found[use.group, size] = fit
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
