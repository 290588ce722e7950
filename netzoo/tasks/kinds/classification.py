"""Classification: one class for each whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netzoo.data.class_names import find_classes
from netzoo.data.classified import ClassifiedImage, ClassifiedSet, open_classified
from netzoo.data.faults import STOP, Faults
from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.scores.classes import LAYOUT, has_form, read_scores
from netzoo.tasks.scores.top_k import right_ranks, shares_of_ranks
from netzoo.tasks.task import Batch, Evaluator, Predictor, Task
from sizewise.core.errors import InputError
from sizewise.core.evidence import ClassEvidence
from sizewise.core.evidence.base import images_hash
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ImageInput, ModelCard, Size, Suppression, TensorSpec

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from netzoo.data.coco.folders import Split
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Data, Outputs, Pixels
    from sizewise.core.progress import Reporter


Probabilities = NDArray[np.float32]
_SUM, _SHOWN = 1e-3, 5


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


@dataclass(frozen=True, kw_only=True)
class ClassPredictor(Predictor[Probabilities]):
    """Finds the probability of each class [C], for a picture as a whole."""

    array_specs = (TensorSpec(name="probabilities", dtype="float32", shape=("classes",)),)

    def read(self, fitted: Letterbox, outputs: Outputs) -> Probabilities:
        """Scores that add up to 1 are probabilities; others are taken for logits."""
        del fitted
        scores: Probabilities = read_scores(outputs)[0]
        if scores.min() >= 0 and abs(float(scores.sum()) - 1) < _SUM:
            return scores
        powers = np.exp(scores - scores.max())
        found: Probabilities = powers / powers.sum()
        return found

    def draw(self, picture: Pixels, found: Probabilities) -> Image.Image:
        from PIL import Image, ImageDraw

        drawn = Image.fromarray(picture)
        ImageDraw.Draw(drawn).text((4, 4), self.describe(found), fill="white", stroke_width=1)
        return drawn

    def describe(self, found: Probabilities) -> str:
        """``dog 91.2%``."""
        from netzoo.tasks.drawing import class_name

        best = int(found.argmax())
        return f"{class_name(best, self.card.classes)} {float(found[best]):.1%}"

    def results(self, found: Probabilities) -> list[dict[str, Any]]:
        """The likeliest classes, best first. COCO has no results of whole pictures: there is no
        box."""
        best = np.argsort(-found, kind="stable")[:_SHOWN].tolist()
        return [{"category_id": label, "score": round(float(found[label]), 6)} for label in best]

    def arrays(self, found: Probabilities) -> dict[str, NDArray[Any]]:
        return {"probabilities": found.astype(np.float32, copy=False)}


class Classification(Task):
    name = "classification"
    learns = "classified images"
    output_names = ("scores",)
    layouts = (LAYOUT,)
    reading_options = frozenset(("layout", "names"))
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

    def predictor(
        self, name: str, card: ModelCard, size: Size, options: ReadingOptions
    ) -> ClassPredictor:
        return ClassPredictor(card=options.named(name, card), size=size)


TASKS = (Classification(),)
