"""Gains, λ and thresholds of the losses, and what a user gives instead of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from netzoo.training.settings import LossGains
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled


@dataclass(frozen=True, kw_only=True)
class RegionGains:
    """λ of YOLOv2 as in Darknet's configurations, and the IoU above which a prediction that answers
    for no box is left out."""

    box_gain: float = 1.0
    objectness_gain: float = 5.0
    background_gain: float = 1.0
    class_gain: float = 1.0
    ignore_iou: float = 0.6


@dataclass(frozen=True, kw_only=True)
class JointGains(RegionGains):
    """``assumed_iou`` is what a classified image's best box is taken to have with what is in it
    (YOLO9000, §4)."""

    assumed_iou: float = 0.3


@dataclass(frozen=True, kw_only=True)
class YoloGains:
    """Those of YOLOv3. ``ignore_iou`` is that of Darknet's configurations; the paper has 0.5
    (§2.1). ``answer_iou``: anchors whose shape has a larger IoU with a box answer for it beside the
    best one (``iou_thresh``); None: as in the network's own configuration."""

    box_gain: float = 1.0
    objectness_gain: float = 1.0
    background_gain: float = 1.0
    class_gain: float = 1.0
    ignore_iou: float = 0.7
    answer_iou: float | None = None


YOLOV4 = YoloGains(box_gain=0.07)
"""``iou_normalizer`` of ``yolov4.cfg`` and ``yolov4-tiny.cfg``."""


@dataclass(frozen=True, kw_only=True)
class NeighbourGains:
    """Those of Scaled-YOLOv4. ``objectness_balance`` weighs the objectness of each head, the finest
    first; empty, as the loss has it. ``anchor_ratio`` is the decode's largest extent in anchors."""

    box_gain: float = 0.05
    objectness_gain: float = 1.0
    class_gain: float = 0.5
    anchor_ratio: float = 4.0
    objectness_balance: tuple[float, ...] = ()


def changed_gains(own: Any, given: LossGains, what: str, heads: int) -> Any:
    """The gains ``own`` (None: none) of a loss with those that are ``given``.

    Raises UsageError where it does not have one of them; ``what`` names the loss and its network,
    which has so many ``heads``.
    """
    names = [field.name for field in fields(own)] if own else []
    if foreign := [name for name in given.given() if name not in names]:
        raise UsageError(
            f"{what} has no {', '.join(map(spelled, foreign))}",
            f"it has {', '.join(map(spelled, names))}" if names else "it has no gains",
            "Leave it out, or choose another loss.",
        )
    if (count := len(given.objectness_balance)) not in (0, heads):
        raise UsageError(
            f"{what} can't have {count} numbers of {spelled('objectness_balance')}",
            f"its heads are {heads}",
            "Give one for each head, the finest first.",
        )
    return replace(own, **given.given()) if own else None


def without_usual(own: Any, given: LossGains) -> LossGains | None:
    """Those that are ``given`` and are not the loss's ``own`` anyway; None where none is left."""
    usual: dict[str, Any] = {
        name: None for name, value in given.given().items() if value == getattr(own, name)
    }
    found = replace(given, **usual)
    return found if found.given() else None
