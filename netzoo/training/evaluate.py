"""How well a network detects, segments or classifies, in PyTorch itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import convert_conv2d_weight_memory_format

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco import AnnotatedImage, Dataset
from netzoo.data.relabelling import find_classes
from netzoo.deploy import deployable
from netzoo.network import Network, find_network
from netzoo.tasks.coco_ap import DetectionScores, evaluate_detections
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks import MaskScores
from netzoo.tasks.suppression import Detections, suppress
from netzoo.tasks.top_k import ClassScores, score_classes
from sizewise.core.errors import InputError
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Size

SCORE_THRESHOLD = 0.001
IOU_THRESHOLD = 0.6
MAX_DETECTIONS = 300
"""As the YOLO families are evaluated, and as ``bench`` evaluates engines."""

Image = TypeVar("Image", AnnotatedImage, ClassifiedImage)
Array = NDArray[np.float32]


def evaluate_network(
    network: Network, data: Dataset, size: Size, progress: Progress = SILENT, batch_size: int = 8
) -> DetectionScores:
    """Average precision of a detector with every image fitted into ``size``, as it learnt them.

    Classes that the network alone knows do not count. Raises InputError where the data has others.
    """
    columns = find_classes(data.name, data.classes, network.config.classes)
    outputs = _outputs(network, data.images, size, progress, batch_size)
    found = {
        image.id: _detect(boxes, scores[:, columns], fit) for image, fit, (boxes, scores) in outputs
    }
    return evaluate_detections(data, found)


def evaluate_masks(
    network: Network, data: Dataset, size: Size, progress: Progress = SILENT, batch_size: int = 8
) -> MaskScores:
    """Scores of a segmenter with every image fitted into ``size``, as it learnt them; logits are
    resized to the picture's own size, and masks are compared there.

    Raises InputError where the data has no images, or one without a mask, and InferenceError
    (numerics) for NaN.
    """
    _demand_images(network, data)
    scores = MaskScores()
    for image, fit, (logits,) in _outputs(network, data.images, size, progress, batch_size):
        scores.add(fit.map_to_source(logits[0]), image.mask())
    return scores


def evaluate_classifier(
    network: Network,
    data: ClassifiedSet,
    size: Size,
    progress: Progress = SILENT,
    batch_size: int = 32,
) -> ClassScores:
    """Top-1 and top-5 of a classifier with every image fitted into ``size``, as it learnt them.

    The classes of ``data`` are found among the network's by their names. Raises InputError where
    they are not there, or ``data`` has no images.
    """
    _demand_images(network, data)
    places = find_classes(data.name, data.classes, network.config.classes)
    outputs = _outputs(network, data.images, size, progress, batch_size)
    scores = np.stack([of_image for _, _, (of_image,) in outputs])
    return score_classes(scores, places[[image.label for image in data.images]])


def _demand_images(network: Network, data: Dataset | ClassifiedSet) -> None:
    if not data.images:
        raise InputError(
            f"{network.config.name} can't be evaluated on {data.name}",
            "it has no images",
            "Give a data set that has.",
        )


def _outputs(
    network: Network, images: Sequence[Image], size: Size, progress: Progress, batch_size: int
) -> Iterator[tuple[Image, Letterbox, tuple[Array, ...]]]:
    """Each image, how it was fitted, and the network's outputs for it."""
    module = convert_conv2d_weight_memory_format(deployable(network), torch.channels_last)
    with progress.stage(f"evaluate at {size}", len(images)) as stage:
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            inputs, fits = _fit(network, batch, size)
            with torch.inference_mode():
                outputs = module(inputs)
            for row, (image, fit) in enumerate(zip(batch, fits, strict=True)):
                yield image, fit, tuple(output[row].numpy() for output in outputs)
            stage.advance(len(batch))


def _fit(
    network: Network, images: Sequence[AnnotatedImage | ClassifiedImage], size: Size
) -> tuple[torch.Tensor, list[Letterbox]]:
    keep_shape = find_network(network.config.name).letterbox
    pictures = [image.read() for image in images]
    fits = [Letterbox.fit(Size(*p.shape[:2]), size, keep_shape=keep_shape) for p in pictures]
    pixels = np.stack([fit.apply(picture) for fit, picture in zip(fits, pictures, strict=True)])
    return torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last), fits


def _detect(boxes: Array, scores: Array, fit: Letterbox) -> Detections:
    found = suppress(
        boxes,
        scores,
        score_threshold=SCORE_THRESHOLD,
        iou_threshold=IOU_THRESHOLD,
        max_detections=MAX_DETECTIONS,
    )
    return Detections(
        boxes=fit.clip(fit.boxes_to_source(found.boxes)), scores=found.scores, labels=found.labels
    )
