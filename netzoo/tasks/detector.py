"""A model that ``predict`` finds boxes with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sizewise.core.specs import Suppression
from sizewise.pipeline.prediction.predictor import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.suppression import Detections
    from netzoo.tasks.wordtree import WordTree
    from sizewise.pipeline.prediction.predictor import Pixels


@dataclass(frozen=True, kw_only=True)
class Detector(Predictor["Detections"]):
    tree_threshold: float

    def read(self, fitted: Letterbox, outputs: dict[str, NDArray[Any]]) -> Detections:
        """What is in a picture, boxes in its pixels; ``outputs`` are for a batch of one. Raises
        InputError where they do not have the layout, InferenceError for what is no number."""
        from netzoo.tasks.detecting import detect

        (found,) = detect(
            self.card.layout,
            outputs,
            self.card.suppression or Suppression(),
            class_count=len(self.card.classes) or None,
            tree=self._tree,
            tree_threshold=self.tree_threshold,
        )
        return replace(found, boxes=fitted.clip(fitted.boxes_to_source(found.boxes)))

    def draw(self, picture: Pixels, found: Detections) -> Image.Image:
        from netzoo.tasks.drawing import draw_detections

        return draw_detections(picture, found, self.card.classes)

    def describe(self, found: Detections) -> str:
        """``2× dog, 1× person``."""
        from netzoo.tasks.drawing import class_name

        counts = Counter(class_name(label, self.card.classes) for label in found.labels.tolist())
        return ", ".join(f"{count}× {name}" for name, count in counts.items())

    def results(self, found: Detections) -> list[dict[str, Any]]:
        return [
            {
                "category_id": label,
                "bbox": [round(side, 3) for side in (x0, y0, x1 - x0, y1 - y0)],
                "score": round(score, 6),
            }
            for (x0, y0, x1, y1), score, label in zip(
                found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True
            )
        ]

    @cached_property
    def _tree(self) -> WordTree | None:
        from netzoo.tasks.wordtree import WordTree

        return WordTree(self.card.tree) if self.card.tree else None
