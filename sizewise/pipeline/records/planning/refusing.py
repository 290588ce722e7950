"""Why there is no plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reports.choice.planning.deciding import Setting, decide
from reports.text.words import counted, listed
from sizewise.core.errors import RecordError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.pipeline.records.planning.setting import Sources

_SHOWN = 8


def demand_served(setting: Setting, sources: Sources, traffic: str) -> None:
    """Raises RecordError where a size that comes was not measured in any engine."""
    served = {n for use in setting.uses(None) for n in use.candidate.serves}
    sizes = [size for n, size in enumerate(setting.demand.sizes) if n not in served]
    if sizes:
        command = sources.bench_command(setting.groups, sizes)
        raise RecordError(
            f"No engine can serve {counted(len(sizes), 'size')} of {traffic}",
            f"{listed(map(str, sizes), most=_SHOWN)} and nothing larger was measured",
            f"Measure, or add {spelled('measure')}: {command}",
        )


def no_set(setting: Setting, traffic: str) -> UsageError:
    """No set of engines keeps to the limits."""
    return UsageError(
        f"No set of engines serves {traffic} under these limits",
        listed(_why_none(setting)) or "none that keeps to all of them was found",
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
    if decide(replace(setting, limits=free)) is None:
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
    if (
        limit is not None
        and decide(replace(setting, limits=replace(free, max_latency_ms=limit))) is None
    ):
        yield f"{setting.limits.percentile} can't be {limit} ms in any memory"
