"""Non-maximum suppression (NMS): its settings, and those that are usual."""

from __future__ import annotations

from dataclasses import dataclass

from sizewise.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """Non-maximum suppression (NMS): of boxes of one class that overlap by more than
    ``iou_threshold``, the best stays.

    Candidates score above ``score_threshold``; an image keeps its ``max_detections`` best, all
    classes together. Raises UsageError where a value makes no sense.
    """

    score_threshold: float = 0.25
    iou_threshold: float = 0.45
    max_detections: int = 300

    def __post_init__(self) -> None:
        if not 0 <= self.score_threshold < 1:
            why = f"the score threshold is {self.score_threshold}"
        elif not 0 <= self.iou_threshold <= 1:
            why = f"the IoU threshold is {self.iou_threshold}"
        elif self.max_detections < 1:
            why = f"the number of detections is {self.max_detections}"
        else:
            return
        raise UsageError(
            "NMS can't be given these options",
            why,
            "Give a score from 0 to below 1, an IoU from 0 to 1, and at least 1 detection.",
        )

    def __str__(self) -> str:
        return (
            f"scores above {self.score_threshold:g}, IoU up to {self.iou_threshold:g}, "
            f"{self.max_detections} boxes at most"
        )


EVALUATION = Suppression(score_threshold=0.001, iou_threshold=0.6)
"""NMS where accuracy is measured, as the YOLO families are evaluated; COCO's AP then takes the best
100 of a picture and class."""
