"""What a user may say of how a model's outputs are read."""

from __future__ import annotations

from dataclasses import dataclass

from netzoo.data.class_names import CLASS_NAMES
from sizewise.core.options import option
from sizewise.core.reading import TEXT, number, optional, whole

_MODEL, _BOXES = "Model", "Boxes (detectors)"


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """Empty or None where the model's own value holds, or else the usual one."""

    layout: str = option(
        TEXT,
        "",
        help="How the outputs of a detector that is not ours are read: see docs/models.md.",
        group=_MODEL,
        shown="as the file says",
    )
    names: tuple[str, ...] = option(
        CLASS_NAMES,
        (),
        help="Class names: a text file with one a line.",
        group=_BOXES,
        shown="as the file says",
    )
    score_threshold: float | None = option(
        optional(number()),
        None,
        help="Show boxes that score more than this (0-1).",
        group=_BOXES,
        shown="0.25",
    )
    iou_threshold: float | None = option(
        optional(number()),
        None,
        help="Of boxes of one class that overlap by more than this IoU (0-1), the best stays.",
        group=_BOXES,
        shown="0.45",
    )
    max_detections: int | None = option(
        optional(whole(1)), None, help="Most detections in a picture.", group=_BOXES, shown="300"
    )
    tree_threshold: float = option(
        number(0, most=1),
        0.5,
        help="In a tree of classes, least score (0-1) of a narrower class that is taken.",
        group=_BOXES,
    )
