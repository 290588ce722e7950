"""Tables of the engines that were built and of those that were not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sizewise.cli import console
from sizewise.core.specs import EngineArtifact, EngineSpec, Profile
from sizewise.pipeline.build import ComparedEngine, Refusal

if TYPE_CHECKING:
    from engines.differences import Comparison, Difference

_NAMES = ("engine", "strategy", "sizes H×W")


def show_engines(built: Sequence[ComparedEngine]) -> None:
    """Show one row per engine, with the largest error of each output or part at any size.

    Beside it stand the largest value of the FP32 file, and the relative error where the precision
    has a bound: marked with ! beyond that. Device memory has a column where an engine reports it.
    """
    if not built:
        return
    of_device = any(one.artifact.memory for one in built)
    device = ("device MiB",) if of_device else ()
    console.show_table(
        f"Engines in {built[0].artifact.path.parent}",
        (*_NAMES, "MiB", *device, "built in s", "runs in", "error against FP32"),
        [
            (
                *_names(one.artifact.spec),
                _mib(one.artifact.size_bytes),
                *((_device_mib(one.artifact),) if of_device else ()),
                f"{one.artifact.build_s:.2f}",
                one.artifact.achieved.summary,
                _error(one.comparison),
            )
            for one in built
        ],
        whole=_NAMES,
    )


def show_remarks(built: Sequence[ComparedEngine]) -> None:
    """Show each warning of the builders once."""
    for remark in dict.fromkeys(r for one in built for r in one.artifact.remarks):
        console.remark(remark)


def show_refusals(refused: Sequence[Refusal]) -> None:
    if refused:
        console.show_table(
            "Not built",
            (*_NAMES, "code", "why"),
            [(*_names(r.spec), r.error.reason_code, r.error) for r in refused],
            whole=_NAMES,
        )


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f}"


def _device_mib(artifact: EngineArtifact) -> str:
    return _mib(artifact.memory.total_bytes) if artifact.memory else ""


def _names(spec: EngineSpec) -> tuple[str, str, str]:
    """The engine, strategy and sizes in short lines, for a terminal of 100 columns."""
    from engines.options import non_default_options

    options = non_default_options(spec.options).split()
    engine = (f"{spec.backend},", spec.graph_fusion, _batch(spec), *options)
    sizes = "\n".join(map(_span, spec.profiles))
    return "\n".join(filter(None, engine)), spec.strategy, sizes


def _batch(spec: EngineSpec) -> str:
    """The batch sizes in the form of ``--batch``."""
    if spec.batch_range:
        return f"batch {spec.batch_range.min}:{spec.batch_size}:{spec.batch_range.max}"
    return f"batch {spec.batch_size}" if spec.batch_size > 1 else ""


def _span(profile: Profile) -> str:
    return str(profile) if profile.is_fixed else f"{profile}\ntuned: {profile.opt}"


def _error(comparison: Comparison) -> str:
    return "\n".join(filter(None, (comparison.reason, *map(_of_output, comparison.worst()))))


def _of_output(worst: Difference) -> str:
    if worst.max_abs_error is None:
        return f"{worst.name}: {worst.reason}"
    said = f"{worst.name} {worst.max_abs_error:.2g} (of {worst.absmax:.3g})"
    if worst.bound is None or worst.relative_error is None:
        return said
    share = f"{worst.relative_error:.2%}"
    if share == f"{0:.2%}":  # as in FP32: it says less than the figures before it
        return said
    return f"{said}, {share}{'' if worst.within else ' !'}"
