"""How well a network detects or classifies, in PyTorch itself."""

from __future__ import annotations

from collections.abc import Sequence

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
from netzoo.tasks.suppression import Detections, suppress
from netzoo.tasks.top_k import ClassScores, score_classes
from sizewise.errors import InputError
from sizewise.progress import SILENT, Progress
from sizewise.specs import Size

SCORE_THRESHOLD = 0.001
IOU_THRESHOLD = 0.6
MAX_DETECTIONS = 300
"""As the YOLO families are evaluated, and as ``bench`` evaluates engines."""


def evaluate_network(
    network: Network, data: Dataset, size: Size, progress: Progress = SILENT, batch_size: int = 8
) -> DetectionScores:
    """Average precision of a detector with every image fitted into ``size``, as it learnt them.

    Classes that the network alone knows do not count. Raises InputError where the data has others.
    """
    columns = find_classes(data.name, data.classes, network.config.classes)
    module = convert_conv2d_weight_memory_format(deployable(network), torch.channels_last)
    found: dict[int, Detections] = {}
    with progress.stage(f"evaluate at {size}", len(data.images)) as stage, torch.inference_mode():
        for start in range(0, len(data.images), batch_size):
            images = data.images[start : start + batch_size]
            inputs, fits = _fit(network, images, size)
            boxes, scores = module(inputs)
            for row, (image, fit) in enumerate(zip(images, fits, strict=True)):
                found[image.id] = _detect(boxes[row].numpy(), scores[row, :, columns].numpy(), fit)
            stage.advance(len(images))
    return evaluate_detections(data, found)


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
    if not data.images:
        raise InputError(
            f"{network.config.name} can't be evaluated on {data.name}",
            "it has no images",
            "Give a data set that has.",
        )
    places = find_classes(data.name, data.classes, network.config.classes)
    labels = places[[image.label for image in data.images]]
    module = convert_conv2d_weight_memory_format(deployable(network), torch.channels_last)
    found: list[NDArray[np.float32]] = []
    with progress.stage(f"evaluate at {size}", len(data.images)) as stage, torch.inference_mode():
        for start in range(0, len(data.images), batch_size):
            images = data.images[start : start + batch_size]
            inputs, _ = _fit(network, images, size)
            (scores,) = module(inputs)
            found.append(scores.numpy())
            stage.advance(len(images))
    return score_classes(np.concatenate(found), labels)


def _fit(
    network: Network, images: Sequence[AnnotatedImage | ClassifiedImage], size: Size
) -> tuple[torch.Tensor, list[Letterbox]]:
    keep_shape = find_network(network.config.name).letterbox
    pictures = [image.read() for image in images]
    fits = [Letterbox.fit(Size(*p.shape[:2]), size, keep_shape=keep_shape) for p in pictures]
    pixels = np.stack([fit.apply(picture) for fit, picture in zip(fits, pictures, strict=True)])
    return torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last), fits


def _detect(boxes: NDArray[np.float32], scores: NDArray[np.float32], fit: Letterbox) -> Detections:
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
