"""Segmentation: a mask of the objects, apart from the background, or a class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.segments import encode_mask
from netzoo.data.masks.label_maps import LEFT_OUT
from netzoo.tasks.figures import Figures
from netzoo.tasks.masks.axes import channels_last
from netzoo.tasks.masks.binary import MaskScores, box_of, probabilities, read_logits
from netzoo.tasks.masks.class_segmenting import ClassMaskEvaluator, ClassMaskPredictor
from netzoo.tasks.masks.classes import channel_labels
from netzoo.tasks.masks.maps import (
    CLASS_LAYOUTS,
    LAST_SCORES,
    LOGITS,
    MASK_LAYOUTS,
    NUMBERS,
    PROBABILITIES,
    SCORES,
    check_map,
    read_mask,
)
from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.task import Batch, Evaluator, Predictor, Shape, Task
from sizewise.core import codec
from sizewise.core.errors import ExportError, InputError
from sizewise.core.evidence import MaskEvidence
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ImageInput, ModelCard, Size, Suppression, TensorSpec

if TYPE_CHECKING:
    from PIL import Image

    from netzoo.data.coco.dataset import AnnotatedImage
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Data, Outputs, Pixels

Logits = NDArray[np.float32]
OBJECT = "object"
"""The one class of a mask."""


class MaskEvaluator(Evaluator):
    """mIoU, F-measure, MAE, S-measure and E-measure: logits are resized to the picture's own size,
    and masks are compared there."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self._scores = MaskScores()
        self._ids: list[int] = []
        self._range = (np.inf, -np.inf)

    def _take(self, image: AnnotatedImage, fitted: Letterbox, outputs: Outputs) -> None:
        logits = _read(self.card.layout, outputs, fitted)
        self._widen(logits)
        if image.mask_file:
            truth = image.label_map()
            counted = truth != LEFT_OUT
            self._add(logits, (truth > 0).astype(np.uint8), None if counted.all() else counted)
        else:
            self._add(logits, image.mask(), None)
        self._ids.append(image.id)

    def _add(
        self, logits: Logits, truth: NDArray[np.uint8], counted: NDArray[np.bool_] | None
    ) -> None:
        """One image; None: all of its pixels count."""
        if counted is None:
            self._scores.add(logits, truth)
        else:
            self._scores.add(logits[counted], truth[counted])
        if self.measures_figures:
            self._scores.add_structure(logits, truth > 0, counted)

    def figures(self, metric: str) -> Figures:
        """S-measure and mean E-measure, each the mean over the images."""
        del metric
        return self._scores.structure() if self.measures_figures else Figures()

    def _widen(self, logits: Logits) -> None:
        least, most = self._range
        self._range = (min(least, float(logits.min())), max(most, float(logits.max())))

    def scores(self) -> dict[str, float]:
        if self.card.layout == LOGITS:
            _demand_logits(*self._range)
        scores = self._scores
        return {"miou": scores.miou, "f_measure": scores.f_measure, "mae": scores.mae}

    def evidence(self) -> MaskEvidence:
        return self._scores.evidence(self._ids)


def _read(layout: str, outputs: Outputs, fitted: Letterbox) -> Logits:
    if layout in MASK_LAYOUTS:
        return read_mask(layout, outputs, fitted)
    return read_logits(outputs, fitted)


def _demand_logits(least: float, most: float) -> None:
    """Raises InputError where all values lie in 0–1: as logits, each would be an object."""
    if _like_probabilities(least, most):
        raise InputError(
            f"The outputs do not have the layout {LOGITS}",
            f"their values all lie from {least:.3g} to {most:.3g}, as probabilities do: as logits, "
            "every pixel would be an object",
            f"Give {spelled('layout')} {PROBABILITIES}.",
        )


def _like_probabilities(least: float, most: float) -> bool:
    """Whether values from ``least`` to ``most`` all lie in 0–1."""
    return 0 <= least < most <= 1


@dataclass(frozen=True, kw_only=True)
class MaskPredictor(Predictor[Logits]):
    """Finds logits [H, W] over the picture's own pixels: objects are above 0."""

    array_specs = (TensorSpec(name="class_map", dtype="int32", shape=("height", "width")),)

    @property
    def classes(self) -> None:
        """A mask tells objects from the background, and no classes."""

    def read(self, fitted: Letterbox, outputs: Outputs) -> Logits:
        return _read(self.card.layout, outputs, fitted)

    def draw(self, picture: Pixels, found: Logits) -> Image.Image:
        from netzoo.tasks.masks.overlay import draw_mask

        return draw_mask(picture, found > 0)

    def describe(self, found: Logits) -> str:
        """``an object on 12.5% of it``."""
        share = float((found > 0).mean())
        return f"an object on {share:.1%} of it" if share else ""

    def arrays(self, found: Logits) -> dict[str, NDArray[Any]]:
        """1 where an object is."""
        return {"class_map": (found > 0).astype(np.int32)}

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
    layouts = (*MASK_LAYOUTS, *CLASS_LAYOUTS)
    reading_options = frozenset(("layout", "names"))
    predicts = True
    learns_masks = True

    def classes(self, data: Data) -> tuple[str, ...]:
        del data
        return (OBJECT,)

    def fitting_layouts(
        self, outputs: Sequence[TensorSpec], image: ImageInput | None = None
    ) -> tuple[str, ...]:
        maps = [one for one in outputs if len(one.shape) == 4]
        if not maps:
            whole = [one for one in outputs if len(one.shape) == 3 and "int" in one.dtype]
            return (NUMBERS,) if whole else ()
        shape = maps[0].shape
        if (1, 1) in (shape[1:3], shape[2:]):  # a score for each class of the whole picture
            return ()
        last = channels_last(shape, image)
        if shape[3 if last else 1] == 1:
            return (NUMBERS,) if "int" in maps[0].dtype else MASK_LAYOUTS
        return (LAST_SCORES,) if last else (SCORES,)

    def recognises(self, shapes: Sequence[Shape], batch: Batch) -> bool:
        return list(shapes) == [_mask_shape(batch)]

    def doubt(self, values: Sequence[NDArray[Any]]) -> str:
        (logits,) = values
        least, most = float(logits.min()), float(logits.max())
        if not _like_probabilities(least, most):
            return ""
        return (
            "The output was taken for logits: above 0 is an object. All values lie from "
            f"{least:.3g} to {most:.3g}; if they are probabilities, give {spelled('layout')} "
            f"{PROBABILITIES}."
        )

    def check_outputs(self, card: ModelCard, outputs: Outputs, batch: Batch) -> None:
        if card.layout in self.layouts:
            check_map(card.layout, outputs, batch.size)
            return
        expected = {"mask_logits": _mask_shape(batch)}
        given = {name: array.shape for name, array in outputs.items()}
        if given != expected:
            raise ExportError(
                "The outputs of the module are not those of a segmenter",
                f"at {batch} they are {given} instead of {expected}",
                "Make it return mask_logits [B, 1, H, W], or export it with the task unknown.",
            )

    def evaluator(
        self, card: ModelCard, data: Any, suppression: Suppression | None = None
    ) -> Evaluator:
        del suppression
        if card.layout in CLASS_LAYOUTS:
            return ClassMaskEvaluator(card, data)
        return MaskEvaluator(card)

    def misfit(self, card: ModelCard, data: Any) -> str:
        """Raises InputError where classes of the data are not among the model's."""
        if card.layout in CLASS_LAYOUTS and card.classes:
            channel_labels(card.classes, data, None)
        if any(None in image.segments for image in data.images):
            return "there are annotations without a segmentation in the data"
        return super().misfit(card, data)

    def predictor(
        self, name: str, card: ModelCard, size: Size, options: ReadingOptions
    ) -> Predictor[Any]:
        read_as = options.named(name, card)
        if card.layout in CLASS_LAYOUTS:
            return ClassMaskPredictor(card=read_as, size=size)
        return MaskPredictor(card=read_as, size=size)


def _mask_shape(batch: Batch) -> Shape:
    return (batch.batch_size, 1, batch.size.height, batch.size.width)


TASKS = (Segmentation(),)
