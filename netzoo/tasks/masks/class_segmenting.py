"""Segmenters that give each pixel a class: evaluated, and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.segments import encode_mask
from netzoo.data.masks.label_maps import BACKGROUND, is_background
from netzoo.tasks.masks.binary import box_of
from netzoo.tasks.masks.classes import ClassMaskScores, Labels, channel_labels, channel_names
from netzoo.tasks.masks.maps import channels_of, read_channels
from netzoo.tasks.task import Evaluator, Predictor
from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.evidence import ClassMaskEvidence
from sizewise.core.specs import ModelCard, Size, TensorSpec

if TYPE_CHECKING:
    from PIL import Image

    from netzoo.data.coco.dataset import AnnotatedImage, Dataset
    from netzoo.tasks.letterbox import Letterbox
    from netzoo.tasks.task import Outputs, Pixels


class ClassMaskEvaluator(Evaluator):
    """mIoU over the classes of the data: scores are resized to the picture's own size, and the
    likeliest class of each pixel is compared there with the truth."""

    def __init__(self, card: ModelCard, data: Dataset) -> None:
        super().__init__(card)
        self._data = data
        self._labels: Labels | None = None
        self._scores = ClassMaskScores(classes=len(data.classes), background=data.background)
        self._ids: list[int] = []

    def _take(self, image: AnnotatedImage, fitted: Letterbox, outputs: Outputs) -> None:
        labels = self._labels_of(outputs, fitted.target)
        channels = read_channels(self.card.layout, outputs, fitted)
        _demand_known(channels, len(labels))
        self._scores.add(labels[channels], self._truth(image))
        self._ids.append(image.id)

    def _labels_of(self, outputs: Outputs, size: Size) -> Labels:
        """The label of each channel, which the first outputs tell. Without a background among them,
        pixels of no class can't be told by the model, and do not count."""
        if self._labels is None:
            count = channels_of(self.card.layout, outputs, size)
            self._labels = channel_labels(self.card.classes, self._data, count)
            self._scores.background &= bool((self._labels == 0).any())
        return self._labels

    def _truth(self, image: AnnotatedImage) -> Labels:
        truth = image.label_map()
        for label, name in enumerate(self._data.classes, start=1):
            if is_background(name):
                truth[truth == label] = 0
        return truth

    def scores(self) -> dict[str, float]:
        ious = self._ious()
        if not ious:
            raise InputError(
                f"The mIoU on {self._data.name} is not defined",
                "no pixel of it has a class that counts",
                "Give data whose masks have classes of the model.",
            )
        return {"miou": float(np.mean(list(ious.values())))}

    def by_class(self) -> dict[str, float]:
        names = (BACKGROUND, *self._data.classes)
        return {names[label]: iou for label, iou in self._ious().items()}

    def _ious(self) -> dict[int, float]:
        """By the labels of the classes that are in the truth or in the prediction."""
        evidence = self.evidence()
        ious = evidence.ious(np.ones((1, evidence.count)))[:, 0]
        return dict(zip(evidence.labels.tolist(), ious.tolist(), strict=True))

    def evidence(self) -> ClassMaskEvidence:
        return self._scores.evidence(self._ids)


def _demand_known(channels: NDArray[np.int32], count: int) -> None:
    if channels.max(initial=0) >= count:
        raise InputError(
            f"The model gives the class {channels.max()}",
            f"it has {count} classes, numbered from 0",
            "Name all of its classes, in its order; a background counts as one.",
        )


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """The channel of each pixel [H, W], and the channels' names (none where they are not known)."""

    channels: NDArray[np.int32]
    names: tuple[str, ...]

    def found(self) -> dict[int, NDArray[np.bool_]]:
        """Where each class is, by its channel; the background is none."""
        present = np.unique(self.channels).tolist()
        return {c: self.channels == c for c in present if not self._is_background(c)}

    def name(self, channel: int) -> str:
        return self.names[channel] if channel < len(self.names) else f"class {channel}"

    def _is_background(self, channel: int) -> bool:
        return is_background(self.name(channel))


@dataclass(frozen=True, kw_only=True)
class ClassMaskPredictor(Predictor[ClassMap]):
    """Finds the class of each of the picture's own pixels."""

    array_specs = (TensorSpec(name="class_map", dtype="int32", shape=("height", "width")),)

    def read(self, fitted: Letterbox, outputs: Outputs) -> ClassMap:
        layout, classes = self.card.layout, self.card.classes
        count = channels_of(layout, outputs, fitted.target)
        names = channel_names(classes, count, background=True) if classes else ()
        return ClassMap(channels=read_channels(layout, outputs, fitted), names=names)

    def draw(self, picture: Pixels, found: ClassMap) -> Image.Image:
        from netzoo.tasks.masks.overlay import draw_classes

        return draw_classes(picture, found.found())

    def describe(self, found: ClassMap) -> str:
        """``car on 12.5% of it, road on 40.0%``."""
        shares = {found.name(c): where.mean() for c, where in found.found().items()}
        return ", ".join(f"{name} on {share:.1%} of it" for name, share in shares.items())

    def arrays(self, found: ClassMap) -> dict[str, NDArray[Any]]:
        """The model's own number of each pixel's class."""
        return {"class_map": found.channels.astype(np.int32)}

    def results(self, found: ClassMap) -> list[dict[str, Any]]:
        """One result for each class in the picture. Its ``score`` is 1: the likeliest class of a
        pixel is taken, however likely it is."""
        implied = max(0, len(found.names) - len(self.card.classes)) if found.names else 0
        return [
            {
                "category_id": channel - implied,
                "segmentation": codec.to_plain(encode_mask(where)),
                "area": int(where.sum()),
                "bbox": box_of(where),
                "score": 1.0,
            }
            for channel, where in found.found().items()
        ]
