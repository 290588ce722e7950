"""What a plan has to keep to, and what it is the best by: the options of ``sizewise plan``."""

from __future__ import annotations

from dataclasses import dataclass

from sizewise.core.errors import UsageError
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.reading import choice, number, optional, whole

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""Of the pictures, by the name of the percentile."""
OBJECTIVES = ("mean", "p99", "throughput")
USUAL_LOSS = 1.0
"""Points that a plan may lose, where nobody says it and accuracy is known."""


@dataclass(frozen=True, kw_only=True)
class PlanLimits:
    """None is no limit. Raises UsageError where two of them say the same."""

    max_memory_mib: float = option(
        number(above=0),
        help="Memory of the process with all engines loaded, in MiB; on a GPU, the GPU's.",
        group="Limits",
    )
    max_engines: int | None = option(
        optional(whole(1)), None, help="Most engines.", group="Limits", shown="no limit"
    )
    min_ap: float | None = option(
        optional(number(0, most=1)),
        None,
        help="Least mean accuracy over the pictures, 0-1: AP, mIoU or top-1.",
        group="Limits",
    )
    max_loss_points: float | None = option(
        optional(number(0)),
        None,
        help="Largest accuracy loss in points (0.01), against the most accurate engine.",
        group="Limits",
        shown="1 where accuracy was measured",
    )
    max_latency_ms: float | None = option(
        optional(number(above=0)),
        None,
        help="Longest time of a picture, in ms, of all but the slowest by --percentile.",
        group="Limits",
        shown="no limit",
    )
    percentile: str = option(
        choice(*SHARES),
        "p99",
        help="Pictures that --max-latency-ms holds for: 50 %, 90 % or 99 % of them.",
        group="Limits",
    )
    objective: str = option(
        choice(*OBJECTIVES),
        "mean",
        help="What is to be the least: the mean time of a picture, or that of 99 % of them; "
        "throughput: as many pictures in a second as can be.",
        group="Limits",
    )

    def __post_init__(self) -> None:
        if self.min_ap is not None and self.max_loss_points is not None:
            raise UsageError(
                f"{spelled('min_ap')} and {spelled('max_loss_points')} can't both be given",
                "both limit the accuracy",
                "Leave one of them out.",
            )

        if self.objective == "p99" and self.max_latency_ms is not None:
            raise UsageError(
                f"{spelled('objective')} p99 and {spelled('max_latency_ms')} can't both be given",
                "the first looks for the least time that 99 % of the pictures keep to",
                f"Leave {spelled('max_latency_ms')} out, and see whether that is short enough.",
            )

    @property
    def max_late(self) -> float:
        """The share of the pictures that may be late."""
        return 1 - SHARES[self.percentile]
