"""What a user may say of how a model's outputs are read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netzoo.data.class_names import CLASS_NAMES
from sizewise.core.errors import InputError
from sizewise.core.options.declared import option, options_of
from sizewise.core.options.reading import TEXT, number, optional, whole
from sizewise.core.specs import EVALUATION, ModelCard, Suppression

_OUTPUTS, _BOXES = "Outputs", "Boxes (detectors)"
_SHOWN = Suppression()


@dataclass(frozen=True, kw_only=True)
class LayoutOption:
    """Empty where the file says it."""

    layout: str = option(
        TEXT,
        "",
        help="Layout of the outputs of a model that is not ours: see docs/models.md.",
        group=_OUTPUTS,
        shown="as the file says",
    )


@dataclass(frozen=True, kw_only=True)
class NamesOption:
    """Empty where the file says them."""

    names: tuple[str, ...] = option(
        CLASS_NAMES,
        (),
        help="Names of the model's classes: a text file with one a line, or Darknet's .data file "
        "that names it.",
        group=_OUTPUTS,
        shown="as the file says",
    )

    def named(self, name: str, card: ModelCard) -> ModelCard:
        """``card``, of the model ``name``, with these classes. Raises InputError where it has
        another number of them."""
        if self.names and card.classes and len(self.names) != len(card.classes):
            raise InputError(
                f"The names do not fit {name}",
                f"there are {len(self.names)}, and it knows {len(card.classes)} classes",
                "Give the names it was trained with, one a line and in that order.",
            )
        return replace(card, classes=self.names) if self.names else card


@dataclass(frozen=True, kw_only=True)
class SuppressionOptions:
    """NMS as a user says it; None where the graph's own value holds, or else the usual one, which
    differs between drawing pictures and measuring accuracy."""

    score_threshold: float | None = option(
        optional(number()),
        None,
        help="Keep boxes that score more than this (0-1).",
        group=_BOXES,
        shown=f"{_SHOWN.score_threshold} to predict, {EVALUATION.score_threshold} to measure "
        "accuracy",
    )
    iou_threshold: float | None = option(
        optional(number()),
        None,
        help="Of boxes of one class that overlap by more than this IoU (0-1), the best stays.",
        group=_BOXES,
        shown=f"{_SHOWN.iou_threshold} to predict, {EVALUATION.iou_threshold} to measure accuracy",
    )
    max_detections: int | None = option(
        optional(whole(1)),
        None,
        help="Most detections in a picture.",
        group=_BOXES,
        shown=f"{EVALUATION.max_detections}",
    )


NMS_FIELDS = tuple(options_of(SuppressionOptions))


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(SuppressionOptions, NamesOption, LayoutOption):
    """Empty or None where the model's own value holds, or else the usual one."""

    tree_threshold: float = option(
        number(0, most=1),
        0.5,
        help="In a tree of classes, least score (0-1) of a narrower class that is taken.",
        group=_BOXES,
    )
