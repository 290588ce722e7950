"""Classification: one class for each whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netzoo.data.classified import ClassifiedImage, ClassifiedSet, open_classified
from netzoo.data.relabelling import find_classes
from netzoo.tasks.task import Evaluator, Task
from netzoo.tasks.top_k import right_ranks, score_classes
from sizewise.core.evidence import ClassEvidence
from sizewise.core.evidence.base import images_hash
from sizewise.core.specs import ModelCard

if TYPE_CHECKING:
    from netzoo.data.folders import Split
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Outputs
    from sizewise.core.progress import Reporter


class ClassEvaluator(Evaluator):
    """Top-1 and top-5; the classes of the data are found among the model's by their names."""

    def __init__(self, card: ModelCard, data: ClassifiedSet) -> None:
        super().__init__(card)
        self._places = find_classes(data.name, data.classes, card.classes)
        self._labels: list[int] = []
        self._outputs: list[NDArray[np.float32]] = []

    def _take(self, image: ClassifiedImage, fitted: Letterbox, outputs: Outputs) -> None:
        del fitted
        self._labels.append(image.label)
        self._outputs.append(outputs["scores"][0])

    def scores(self) -> dict[str, float]:
        found = score_classes(np.stack(self._outputs), self._places[self._labels])
        return {"top1": found.top1, "top5": found.top5}

    def evidence(self) -> ClassEvidence:
        """The images are known by their places and labels, for they have no ids."""
        return ClassEvidence(
            count=len(self._labels),
            images=images_hash(self._labels),
            ranks=right_ranks(np.stack(self._outputs), self._places[self._labels]),
        )


class Classification(Task):
    name = "classification"
    learns = "classified images"
    output_names = ("scores",)
    learns_images = True
    evaluates_engines = False
    images_at_once = 32

    def open_data(self, source: str, split: Split, progress: Reporter) -> ClassifiedSet:
        return open_classified(source, split, progress=progress)

    def evaluator(self, card: ModelCard, data: ClassifiedSet) -> ClassEvaluator:
        return ClassEvaluator(card, data)


TASKS = (Classification(),)
