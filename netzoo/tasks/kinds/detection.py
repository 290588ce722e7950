"""Detection: boxes of objects, with a class and a score each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from netzoo.data.class_names import find_classes
from netzoo.tasks.boxes.coco_ap import (
    DetectionScores,
    coco_figures,
    examine_detections,
    examine_with_figures,
)
from netzoo.tasks.boxes.detecting import detect
from netzoo.tasks.boxes.nms_settings import nms_to_predict, usual_nms
from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.boxes.voc_ap import voc_figures
from netzoo.tasks.figures import Figures
from netzoo.tasks.layouts import (
    CHOSEN,
    fitting_layouts,
    layout_names,
    read_detections,
    read_suppressed,
)
from netzoo.tasks.parts import SLACK, are_pixels
from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.task import Batch, Evaluator, Predictor, Shape, Task
from netzoo.tasks.wordtree import WordTree
from sizewise.core.evidence import DetectionEvidence
from sizewise.core.specs import ImageInput, ModelCard, Size, Suppression, TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from netzoo.data.coco.dataset import AnnotatedImage, Dataset
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Outputs, Pixels


_MOST_TURNED = 0.5
"""Share of boxes whose corners may stand in the wrong order: without a training, some do."""


class DetectionEvaluator(Evaluator):
    """AP, AP50 and further figures by COCO's own program, or as Pascal VOC has them.

    Boxes of a graph with NMS count as they are. Classes are matched by their names, and those that
    the model alone knows do not count; those of a tree count each for itself, so boxes are not led
    down the tree.
    """

    def __init__(self, card: ModelCard, data: Dataset, suppression: Suppression) -> None:
        super().__init__(card)
        self._data, self._suppression = data, suppression
        self._found: dict[int, Detections] = {}
        self._examined: tuple[DetectionScores, DetectionEvidence] | None = None
        self._coco: Figures | None = None
        same = not card.classes or card.classes == data.classes
        self._columns = None if same else find_classes(data.name, data.classes, card.classes)

    def _take(self, image: AnnotatedImage, fitted: Letterbox, outputs: Outputs) -> None:
        (found,) = detect(
            self.card.layout,
            outputs,
            self._suppression,
            class_count=len(self.card.classes or self._data.classes),
            size=fitted.target,
            columns=self._columns,
        )
        self._found[image.id] = _in_picture(found, fitted)
        self._examined = self._coco = None

    def leave_out(self, images: Sequence[AnnotatedImage]) -> None:
        """As COCO's own program does where the ids of these pictures are not among those that it
        evaluates (``imgIds``): their objects are no misses."""
        ids = {image.id for image in images}
        kept = tuple(image for image in self._data.images if image.id not in ids)
        self._data = replace(self._data, images=kept)
        self._examined = self._coco = None

    def scores(self) -> dict[str, float]:
        found, _ = self._examine()
        return {"ap": found.ap, "ap50": found.ap50}

    def figures(self, metric: str) -> Figures:
        if metric == "coco":
            self._examine()
            return self._coco or coco_figures(self._data, self._found)
        return voc_figures(self._data, self._found, eleven_points=metric == "voc07")

    def evidence(self) -> DetectionEvidence:
        return self._examine()[1]

    def _examine(self) -> tuple[DetectionScores, DetectionEvidence]:
        """Both at once, with the figures where they are wanted: COCO's program takes seconds."""
        if self._examined is None and self.measures_figures:
            scores, evidence, self._coco = examine_with_figures(self._data, self._found)
            self._examined = scores, evidence
        elif self._examined is None:
            self._examined = examine_detections(self._data, self._found)
        return self._examined


@dataclass(frozen=True, kw_only=True)
class BoxPredictor(Predictor[Detections]):
    """Finds boxes; in a tree of classes, it goes down while a class scores more than
    ``tree_threshold``."""

    array_specs = (
        TensorSpec(name="boxes", dtype="float32", shape=("count", 4)),
        TensorSpec(name="scores", dtype="float32", shape=("count",)),
        TensorSpec(name="classes", dtype="int64", shape=("count",)),
    )

    tree_threshold: float

    def read(self, fitted: Letterbox, outputs: Outputs) -> Detections:
        (found,) = detect(
            self.card.layout,
            outputs,
            self.card.suppression or Suppression(),
            class_count=len(self.card.classes) or None,
            size=fitted.target,
            tree=self._tree,
            tree_threshold=self.tree_threshold,
        )
        return _in_picture(found, fitted)

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

    def arrays(self, found: Detections) -> dict[str, NDArray[Any]]:
        """Boxes are x0 y0 x1 y1 in pixels of the picture, best first."""
        return {"boxes": found.boxes, "scores": found.scores, "classes": found.labels}

    @cached_property
    def _tree(self) -> WordTree | None:
        return WordTree(self.card.tree) if self.card.tree else None


class Detection(Task):
    name = "detection"
    learns = "boxes"
    output_names = ("boxes", "scores")
    layouts = layout_names()
    reading_options = frozenset(
        (
            *("layout", "names", "score_threshold", "iou_threshold"),
            *("max_detections", "tree_threshold"),
        )
    )
    predicts = True
    finds_boxes = True

    def recognises(self, shapes: Sequence[Shape], batch: Batch) -> bool:
        del batch
        if [len(shape) for shape in shapes] != [3, 3]:
            return False
        boxes, scores = shapes
        return boxes == (*scores[:2], 4)

    def contradiction(self, values: Sequence[NDArray[Any]]) -> str:
        boxes, scores = values
        least, most = scores.min(initial=0), scores.max(initial=0)
        if least < -SLACK or most > 1 + SLACK:
            return f"scores would reach from {least:.3g} to {most:.3g}, beyond 0 to 1"
        if not are_pixels(largest := np.abs(boxes).max(initial=0)):
            return f"boxes in pixels of the input would reach to {largest:.3g} alone"
        # Others give the centre, the width and the height.
        if (boxes[..., 2:] < boxes[..., :2]).any(axis=-1).mean() > _MOST_TURNED:
            return "of most boxes, x1 and y1 would lie before x0 and y0"
        return ""

    def check_outputs(self, card: ModelCard, outputs: Outputs, batch: Batch) -> None:
        count = len(card.classes) or None
        if card.layout in CHOSEN:
            read_suppressed(outputs, class_count=count, layout=card.layout, size=batch.size)
        else:
            read_detections(card.layout, outputs, class_count=count)

    def reads(self, layout: str) -> bool:
        return layout in self.layouts

    def fitting_layouts(
        self, outputs: Sequence[TensorSpec], image: ImageInput | None = None
    ) -> tuple[str, ...]:
        del image
        return fitting_layouts(outputs)

    def evaluator(
        self, card: ModelCard, data: Dataset, suppression: Suppression | None = None
    ) -> DetectionEvaluator:
        return DetectionEvaluator(card, data, suppression or usual_nms(card))

    def misfit(self, card: ModelCard, data: Any) -> str:
        """Raises InputError where classes of the data are not in the model's tree."""
        if card.tree:
            find_classes(data.name, data.classes, card.classes)
        elif card.classes and not set(data.classes) <= set(card.classes):
            return f"the model knows {', '.join(card.classes)}, the data {', '.join(data.classes)}"
        if data.images and not any(len(image.boxes) for image in data.images):
            return "nothing is annotated in the data"
        return super().misfit(card, data)

    def predictor(
        self, name: str, card: ModelCard, size: Size, options: ReadingOptions
    ) -> BoxPredictor:
        read_as = replace(
            options.named(name, card), suppression=nms_to_predict(name, card, options)
        )
        return BoxPredictor(card=read_as, size=size, tree_threshold=options.tree_threshold)


def _in_picture(found: Detections, fitted: Letterbox) -> Detections:
    return replace(found, boxes=fitted.clip(fitted.boxes_to_source(found.boxes)))


TASKS = (Detection(),)
