"""Which NMS a detector's boxes go through: as the user says, as the graph does it, or the usual."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netzoo.tasks.layouts import CHOSEN
from netzoo.tasks.reading import NMS_FIELDS, SuppressionOptions
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import changed, spelled
from sizewise.core.specs import EVALUATION, ModelCard, Suppression


def nms_to_predict(name: str, card: ModelCard, options: SuppressionOptions) -> Suppression:
    """Raises UsageError where the graph of the model ``name`` has dropped boxes that ``options``
    would keep."""
    return _requested(name, card, options, card.suppression or Suppression())


def nms_to_evaluate(name: str, card: ModelCard, options: SuppressionOptions) -> Suppression:
    """The same where accuracy is measured."""
    return _requested(name, card, options, usual_nms(card))


def usual_nms(card: ModelCard) -> Suppression:
    """What accuracy is measured with unless the user says otherwise. What a graph has chosen is cut
    to its score and number, but not suppressed again."""
    own = card.suppression
    return EVALUATION if own is None else replace(EVALUATION, iou_threshold=own.iou_threshold)


def said_nms(card: ModelCard, suppression: Suppression) -> str:
    """``suppression`` of a model with ``card``, in words."""
    if card.layout not in CHOSEN:
        return str(suppression)
    where = "in the graph" + ("" if card.suppression is None else f" ({card.suppression})")
    return (
        f"{where}; of its boxes, scores above {suppression.score_threshold:g}, "
        f"{suppression.max_detections} at most"
    )


def _requested(
    name: str, card: ModelCard, options: SuppressionOptions, usual: Suppression
) -> Suppression:
    given = {field: getattr(options, field) for field in changed(options, *NMS_FIELDS)}
    own = card.suppression
    if own is None and card.layout in CHOSEN and "iou_threshold" in given:
        raise _refused(name, "its graph chooses boxes itself, and does not say how")
    if own is not None and _would_keep_more(own, given):
        raise _refused(name, f"NMS is in its graph: {own}")
    return replace(usual, **given)


def _would_keep_more(own: Suppression, given: dict[str, Any]) -> bool:
    asked = replace(own, **given)
    return (
        asked.score_threshold < own.score_threshold
        or asked.max_detections > own.max_detections
        or asked.iou_threshold != own.iou_threshold
    )


def _refused(name: str, why: str) -> UsageError:
    return UsageError(
        f"{name} can't give other boxes than its graph keeps",
        why,
        f"Leave these options out, or export it without {spelled('nms')}.",
    )
