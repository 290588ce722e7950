"""Why there is no plan: it is proven, or none was found in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reports.choice.planning.baselines import broken_limits
from reports.choice.planning.decided import Decided
from reports.choice.planning.deciding import decide_or_prove
from reports.choice.planning.optimum.solving import SECONDS
from reports.choice.planning.setting import Setting
from reports.text.words import counted, listed, number
from sizewise.core.errors import RecordError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.pipeline.records.planning.setting import Sources

_SHOWN = 8


def demand_served(setting: Setting, sources: Sources, traffic: str, *, measure: bool) -> None:
    """Raises RecordError where a size that comes was not measured in any engine. ``measure`` says
    that this was tried."""
    served = {n for use in setting.uses(None) for n in use.candidate.serves}
    sizes = [size for n, size in enumerate(setting.demand.sizes) if n not in served]
    if sizes:
        command = sources.bench_command(setting.groups, sizes)
        todo = "See why it fails" if measure else f"Measure, or add {spelled('measure')}"
        raise RecordError(
            f"No engine can serve {counted(len(sizes), 'size')} of {traffic}",
            f"{listed(map(str, sizes), most=_SHOWN)} and nothing larger was measured",
            f"{todo}: {command}",
        )


def decided_or_refused(setting: Setting, traffic: str) -> Decided:
    """The best plan for the ``traffic`` of this name.

    Raises UsageError where no set of engines keeps to the limits, and RecordError where none was
    found in time.
    """
    found, is_impossible = decide_or_prove(setting)
    if found is not None:
        return found
    if is_impossible:
        raise UsageError(
            f"No set of engines serves {traffic} under these limits",
            listed(_why_none(setting)) or "none keeps to all of them together",
            f"Raise {spelled('max_memory_mib')}, or loosen the others.",
        )
    raise RecordError(
        f"No set of engines for {traffic} was found within {SECONDS:g} s",
        "there may be one: that none keeps to these limits is not proven",
        f"Raise {spelled('max_memory_mib')} or loosen the others, so that one is found sooner; or "
        "plan from results of fewer models, precisions or back ends.",
    )


def none_kept(last: Decided, count: int, traffic: str) -> UsageError:
    """No set that was measured keeps to the limits; another may. ``last`` ran as the last."""
    found = last.prediction
    limits = listed(broken_limits(last.problem, last.solution.served))
    return UsageError(
        f"No set of engines for {traffic} was found that keeps to the limits as measured",
        f"{counted(count, 'set')} ran; the last took {found.memory_mib:.0f} MiB and "
        f"{number(found.mean_ms)} ms a picture, and {limits}",
        f"Raise {spelled('max_memory_mib')}, or loosen the others.",
    )


def _why_none(setting: Setting) -> Iterator[str]:
    """The limits that can't be kept, each on its own."""
    free = replace(
        setting.limits,
        max_memory_mib=float("inf"),
        max_engines=None,
        max_latency_ms=None,
        objective="mean",
    )
    if _is_impossible(replace(setting, limits=free)):
        yield "no engine is as accurate as is wanted, whatever it takes"
        return
    least = min(
        (
            setting.process_mib
            + setting.libraries[use.group.spec.backend]
            + use.candidate.memory_mib
            for use in setting.uses(None)
            if len(use.candidate.serves) == len(setting.demand.sizes)
        ),
        default=None,
    )
    if least is not None and least > setting.limits.max_memory_mib:
        yield (
            f"one engine for all sizes takes {least:.0f} MiB at the least with its process, and "
            f"{setting.limits.max_memory_mib:.0f} MiB are allowed"
        )
    limit = setting.limits.max_latency_ms
    late = replace(setting, limits=replace(free, max_latency_ms=limit))
    if limit is not None and _is_impossible(late):
        yield f"{setting.limits.percentile} can't be {limit} ms in any memory"


def _is_impossible(setting: Setting) -> bool:
    """Whether that is proven."""
    return decide_or_prove(setting)[1]
