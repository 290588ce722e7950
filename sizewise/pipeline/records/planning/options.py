"""The options of ``sizewise plan``, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.choice.planning.limits import PlanLimits
from sizewise.core.options.declared import option
from sizewise.core.options.reading import SWITCH, optional, whole
from sizewise.core.specs.plan import Plan

if TYPE_CHECKING:
    from sizewise.pipeline.records.planning.streaming import Replayed


@dataclass(frozen=True, kw_only=True)
class PlanOptions(PlanLimits):
    """The options of ``sizewise plan`` beside the results and the traffic."""

    side: int | None = option(
        optional(whole(1)),
        None,
        help="Pixels of the long side that larger pictures are scaled down to.",
        group="Traffic",
        shown="the largest side that was measured",
    )
    batch: int | None = option(
        optional(whole(1)),
        None,
        help="Images in a call.",
        group="Traffic",
        shown="the smallest that was measured",
    )
    measure: bool = option(
        SWITCH,
        False,
        help="Measure what is missing: sizes, and the engines of the plan together.",
        group="Measurement",
    )


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan, the file that holds it, its picture, and its page (None: ``no_page`` says why).
    ``missing`` says what was not measured, and ``replayed`` how the engines were measured together.
    """

    plan: Plan
    path: Path
    plot: Path
    page: Path | None = None
    no_page: str = ""
    missing: tuple[str, ...] = ()
    replayed: Replayed | None = None
