"""Classification: one class for each whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netzoo.data.class_names import find_classes
from netzoo.data.classified import ClassifiedImage, ClassifiedSet, open_classified
from netzoo.data.faults import STOP, Faults
from netzoo.tasks.scores.classes import LAYOUT, has_form, read_scores
from netzoo.tasks.scores.top_k import right_ranks, shares_of_ranks
from netzoo.tasks.task import Batch, Evaluator, Task
from sizewise.core.errors import InputError
from sizewise.core.evidence import ClassEvidence
from sizewise.core.evidence.base import images_hash
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ImageInput, ModelCard, Suppression, TensorSpec

if TYPE_CHECKING:
    from pathlib import Path

    from netzoo.data.coco.folders import Split
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Data, Outputs
    from sizewise.core.progress import Reporter


class ClassEvaluator(Evaluator):
    """Top-1 and top-5; the classes of the data are found among the model's by their names. Those of
    a model without names are the data's, in their order."""

    def __init__(self, card: ModelCard, data: ClassifiedSet) -> None:
        super().__init__(card)
        self._count = len(card.classes or data.classes)
        self._places = find_classes(data.name, data.classes, card.classes or data.classes)
        self._labels: list[int] = []
        self._ranks: list[int] = []

    def _take(self, image: ClassifiedImage, fitted: Letterbox, outputs: Outputs) -> None:
        del fitted
        scores = read_scores(outputs)
        self._demand_as_many(scores)
        right = self._places[[image.label]]
        self._labels.append(image.label)
        self._ranks.append(int(right_ranks(scores, right)[0]))

    def _demand_as_many(self, scores: NDArray[np.float32]) -> None:
        count = scores.shape[1]
        if count != self._count:
            named = (
                "are named" if self.card.classes else "are in the data, and the model names none"
            )
            raise InputError(
                f"{self.card.network} scores {count} classes",
                f"{self._count} {named}",
                f"Give as many with {spelled('names')}, one a line and in the model's order.",
            )

    def scores(self) -> dict[str, float]:
        found = shares_of_ranks(np.array(self._ranks))
        return {"top1": found.top1, "top5": found.top5}

    def evidence(self) -> ClassEvidence:
        """The images are known by their places and labels, for they have no ids."""
        return ClassEvidence(
            count=len(self._labels),
            images=images_hash(self._labels),
            ranks=np.array(self._ranks, np.int64),
        )


class Classification(Task):
    name = "classification"
    learns = "classified images"
    output_names = ("scores",)
    layouts = (LAYOUT,)
    learns_images = True
    images_at_once = 32

    def open_data(
        self,
        source: str,
        split: Split,
        progress: Reporter,
        *,
        images: Path | None = None,
        faults: Faults = STOP,
    ) -> ClassifiedSet:
        return open_classified(source, split, images=images, progress=progress, faults=faults)

    def fitting_layouts(
        self, outputs: Sequence[TensorSpec], image: ImageInput | None = None
    ) -> tuple[str, ...]:
        del image
        return (LAYOUT,) if len(outputs) == 1 and has_form(outputs[0].shape) else ()

    def check_outputs(self, card: ModelCard, outputs: Outputs, batch: Batch) -> None:
        del card, batch
        read_scores(outputs)

    def evaluator(
        self, card: ModelCard, data: ClassifiedSet, suppression: Suppression | None = None
    ) -> ClassEvaluator:
        del suppression
        return ClassEvaluator(card, data)

    def misfit(self, card: ModelCard, data: Data) -> str:
        """Raises InputError where classes of the data are not among the model's."""
        if card.classes:
            find_classes(data.name, data.classes, card.classes)
        return super().misfit(card, data)


TASKS = (Classification(),)
