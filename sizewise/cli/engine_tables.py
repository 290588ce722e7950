"""What was built and what was not, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sizewise.cli import console
from sizewise.errors import EngineError
from sizewise.specs import EngineArtifact, EngineSpec, Profile

if TYPE_CHECKING:
    from engines.comparing import Comparison, Difference

Refusal = tuple[EngineSpec, EngineError]


def show_engines(built: Sequence[tuple[EngineArtifact, Comparison]]) -> None:
    """One row each; the error is of each output, the largest at any size, and what the parent's
    values reach."""
    if not built:
        return
    console.show_table(
        f"Engines in {built[0][0].path.parent}",
        ("engine", "strategy", "sizes H×W", "MiB", "built in s", "runs in", "error against FP32"),
        [
            (
                *_names(artifact.spec),
                f"{artifact.size_bytes / 2**20:.1f}",
                f"{artifact.build_s:.2f}",
                artifact.achieved.summary,
                _error(comparison),
            )
            for artifact, comparison in built
        ],
    )


def show_refusals(refused: Sequence[Refusal]) -> None:
    if refused:
        console.show_table(
            "Not built",
            ("engine", "strategy", "sizes H×W", "code", "why"),
            [(*_names(spec), error.reason_code, error) for spec, error in refused],
        )


def _names(spec: EngineSpec) -> tuple[str, str, str]:
    engine = f"{spec.backend}, {spec.graph_fusion}"
    return engine, spec.strategy, "\n".join(map(_span, spec.profiles))


def _span(profile: Profile) -> str:
    if profile.min == profile.max:
        return str(profile.min)
    return f"{profile.min} to {profile.max}\ntuned at {profile.opt}"


def _error(comparison: Comparison) -> str:
    return comparison.reason or "\n".join(map(_of_output, comparison.worst()))


def _of_output(worst: Difference) -> str:
    if worst.max_abs_error is None:
        return f"{worst.output}: {worst.reason}"
    return f"{worst.output} {worst.max_abs_error:.2g} (of {worst.absmax:.3g})"
