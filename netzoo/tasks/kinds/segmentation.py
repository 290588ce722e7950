"""Segmentation: a mask of the objects, apart from the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netzoo.data.segments import encode_mask
from netzoo.tasks.masks import MaskScores, box_of, probabilities, read_logits
from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.task import Batch, Evaluator, Predictor, Shape, Task
from sizewise.core import codec
from sizewise.core.errors import ExportError
from sizewise.core.evidence import MaskEvidence
from sizewise.core.specs import ModelCard, Size

if TYPE_CHECKING:
    from PIL import Image

    from netzoo.data.coco import AnnotatedImage
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Data, Outputs, Pixels

Logits = NDArray[np.float32]
OBJECT = "object"
"""The one class of a mask."""


class MaskEvaluator(Evaluator):
    """mIoU, F-measure and MAE: logits are resized to the picture's own size, and masks are
    compared there."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self._scores = MaskScores()
        self._ids: list[int] = []

    def _take(self, image: AnnotatedImage, fitted: Letterbox, outputs: Outputs) -> None:
        self._scores.add(read_logits(outputs, fitted), image.mask())
        self._ids.append(image.id)

    def scores(self) -> dict[str, float]:
        scores = self._scores
        return {"miou": scores.miou, "f_measure": scores.f_measure, "mae": scores.mae}

    def evidence(self) -> MaskEvidence:
        return self._scores.evidence(self._ids)


@dataclass(frozen=True, kw_only=True)
class MaskPredictor(Predictor[Logits]):
    """Finds logits [H, W] over the picture's own pixels: objects are above 0."""

    def read(self, fitted: Letterbox, outputs: Outputs) -> Logits:
        return read_logits(outputs, fitted)

    def draw(self, picture: Pixels, found: Logits) -> Image.Image:
        from netzoo.tasks.overlay import draw_mask

        return draw_mask(picture, found > 0)

    def describe(self, found: Logits) -> str:
        """``an object on 12.5% of it``."""
        share = float((found > 0).mean())
        return f"an object on {share:.1%} of it" if share else ""

    def results(self, found: Logits) -> list[dict[str, Any]]:
        """One result for all objects together; none where there is no object."""
        mask = found > 0
        if not mask.any():
            return []
        return [
            {
                "category_id": 0,
                "segmentation": codec.to_plain(encode_mask(mask)),
                "area": int(mask.sum()),
                "bbox": box_of(mask),
                "score": round(float(probabilities(found[mask]).mean()), 6),
            }
        ]


class Segmentation(Task):
    name = "segmentation"
    learns = "masks"
    output_names = ("mask_logits",)
    predicts = True
    learns_masks = True

    def classes(self, data: Data) -> tuple[str, ...]:
        del data
        return (OBJECT,)

    def recognises(self, shapes: Sequence[Shape], batch: Batch) -> bool:
        return list(shapes) == [_mask_shape(batch)]

    def check_outputs(self, card: ModelCard, outputs: Outputs, batch: Batch) -> None:
        del card
        expected = {"mask_logits": _mask_shape(batch)}
        given = {name: array.shape for name, array in outputs.items()}
        if given != expected:
            raise ExportError(
                "The outputs of the module are not those of a segmenter",
                f"at {batch} they are {given} instead of {expected}",
                "Make it return mask_logits [B, 1, H, W], or export it with the task unknown.",
            )

    def evaluator(self, card: ModelCard, data: Any) -> MaskEvaluator:
        del data
        return MaskEvaluator(card)

    def misfit(self, card: ModelCard, data: Any) -> str:
        if any(None in image.segments for image in data.images):
            return "there are annotations without a segmentation in the data"
        return super().misfit(card, data)

    def predictor(
        self, name: str, card: ModelCard, size: Size, options: ReadingOptions
    ) -> MaskPredictor:
        del name, options
        return MaskPredictor(card=card, size=size)


def _mask_shape(batch: Batch) -> Shape:
    return (batch.batch_size, 1, batch.size.height, batch.size.width)


TASKS = (Segmentation(),)
