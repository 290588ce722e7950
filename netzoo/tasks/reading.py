"""What a user may say of how a model's outputs are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """Empty or None where the model's own value holds, or else the usual one."""

    layout: str = ""
    names: tuple[str, ...] = ()
    score_threshold: float | None = None
    iou_threshold: float | None = None
    max_detections: int | None = None
    tree_threshold: float = 0.5
