"""How well a network detects, in PyTorch itself."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import convert_conv2d_weight_memory_format

from netzoo.data.coco import AnnotatedImage, Dataset
from netzoo.deploy import deployable
from netzoo.network import Network
from netzoo.tasks.coco_ap import DetectionScores, evaluate_detections
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.suppression import Detections, suppress
from sizewise.progress import SILENT, Progress
from sizewise.specs import Size

SCORE_THRESHOLD = 0.001
IOU_THRESHOLD = 0.6
MAX_DETECTIONS = 300
"""As the YOLO families are evaluated, and as ``bench`` evaluates engines."""


def evaluate_network(
    network: Network, data: Dataset, size: Size, progress: Progress = SILENT, batch_size: int = 8
) -> DetectionScores:
    """Average precision of a detector with every image letterboxed to ``size``."""
    module = convert_conv2d_weight_memory_format(deployable(network), torch.channels_last)
    found: dict[int, Detections] = {}
    with progress.stage(f"evaluate at {size}", len(data.images)) as stage, torch.inference_mode():
        for start in range(0, len(data.images), batch_size):
            images = data.images[start : start + batch_size]
            fits = [Letterbox.fit(Size(image.height, image.width), size) for image in images]
            boxes, scores = module(_collate(images, fits))
            for row, (image, fit) in enumerate(zip(images, fits, strict=True)):
                found[image.id] = _detect(boxes[row].numpy(), scores[row].numpy(), fit)
            stage.advance(len(images))
    return evaluate_detections(data, found)


def _collate(images: tuple[AnnotatedImage, ...], fits: list[Letterbox]) -> torch.Tensor:
    pixels = [fit.apply(image.read()) for image, fit in zip(images, fits, strict=True)]
    return torch.from_numpy(np.stack(pixels)).contiguous(memory_format=torch.channels_last)


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
