"""How a model's outputs are read: what its card says, filled up by what the user says."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import ImageInput, ModelCard, Suppression
from sizewise.pipeline.models import card_as


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """What the user says; empty or None where the model's own, or the usual, is to hold."""

    layout: str = ""
    names: tuple[str, ...] = ()
    score_threshold: float | None = None
    iou_threshold: float | None = None
    max_detections: int | None = None
    tree_threshold: float = 0.5


def readable_card(
    name: str, card: ModelCard, image: ImageInput, options: ReadingOptions
) -> ModelCard:
    """``card`` of the model ``name`` with the layout, the classes and the suppression that hold.

    Raises UsageError and InputError where no boxes can be read by it, or not as asked.
    """
    if options.layout:
        card = card_as(name, card, options.layout)
    _demand_boxes(name, card, image)
    _demand_as_many(name, card, options.names)
    return replace(
        card,
        classes=options.names or card.classes,
        suppression=_suppression(name, card, options),
    )


def demand_masks(name: str, image: ImageInput, options: ReadingOptions) -> None:
    """Raises UsageError for options that mean nothing to a segmenter, InputError where it takes no
    pictures."""
    given = [f.name for f in fields(options) if getattr(options, f.name) != f.default]
    if given:
        listed = ", ".join(f"--{option.replace('_', '-')}" for option in given)
        raise UsageError(
            f"{listed} can't be given for {name}",
            "it is a segmenter, which finds a mask and no boxes",
            "Leave it out.",
        )
    if why := image.refuses_pictures:
        raise InputError(f"{name} finds no mask in pictures", why, "Give a model that takes RGB.")


def _demand_boxes(name: str, card: ModelCard, image: ImageInput) -> None:
    from netzoo.tasks.layouts import layout_names

    layouts = ", ".join(layout_names())
    if card.task == "unknown" and card.layout == "unknown":
        raise UsageError(
            f"The outputs of {name} can't be read",
            "the file does not say what they mean",
            f"Say it with --layout, one of {layouts}.",
        )
    why = image.refuses_pictures
    if card.task not in ("detection", "unknown"):
        why = f"it is for {card.task}, and predict draws boxes and masks"
    elif card.layout not in layout_names():
        why = f"the layout of its outputs is {card.layout}, which is none of {layouts}"
    if why:
        raise InputError(
            f"{name} finds no boxes in pictures",
            why,
            "Give a detector with its decode, exported without --raw.",
        )


def _demand_as_many(name: str, card: ModelCard, names: tuple[str, ...]) -> None:
    if names and card.classes and len(names) != len(card.classes):
        raise InputError(
            f"The names do not fit {name}",
            f"there are {len(names)}, and it knows {len(card.classes)} classes",
            "Give the names it was trained with, one a line and in that order.",
        )


def _suppression(name: str, card: ModelCard, options: ReadingOptions) -> Suppression:
    own = card.suppression or Suppression()
    asked = Suppression(
        score_threshold=_first(options.score_threshold, own.score_threshold),
        iou_threshold=_first(options.iou_threshold, own.iou_threshold),
        max_detections=options.max_detections or own.max_detections,
    )
    more = asked.score_threshold < own.score_threshold or asked.max_detections > own.max_detections
    if card.suppression and (more or asked.iou_threshold != own.iou_threshold):
        raise UsageError(
            f"{name} can't be asked for other boxes than it gives",
            f"suppression is in its graph: score threshold {own.score_threshold}, IoU threshold "
            f"{own.iou_threshold}, {own.max_detections} detections at most",
            "Leave these options out, or export it without --nms.",
        )
    return asked


def _first(asked: float | None, own: float) -> float:
    return own if asked is None else asked
