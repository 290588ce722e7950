"""The options of ``sizewise plan``, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.choice.planning.limits import PlanLimits
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.reading import SWITCH, TEXT, number, optional, whole
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
    data: str = option(
        TEXT,
        "",
        help="Annotated images to measure the plan's accuracy on, each at the place of its own "
        "size. That of square inputs is measured too, where the results have none on them. A "
        "data set's name, a COCO JSON file, or a folder with train.json and val.json.",
        group="Measurement",
        shown="accuracy as the results have it",
    )
    image_count: int = option(
        whole(0),
        0,
        help="Measure accuracy on so many images, a fixed random choice; 0: all.",
        group="Measurement",
    )
    timeout_s: float = option(
        number(above=0),
        3600.0,
        help="Time limit of each run of a plan's engines, over pictures or over images, in s.",
        group="Measurement",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_count and not self.data:
            raise UsageError(
                f"{spelled('image_count')} can't be given alone",
                "it says on how many images accuracy is measured, and there are none",
                f"Give {spelled('data')} too, or leave it out.",
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
