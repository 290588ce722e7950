"""Narrow networks and tiny data sets to test with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.zoo.config import Decoding, NetworkConfig
from netzoo.zoo.network import AnchorDetector, build_network

CLASSES = ("red", "blue")
_COLOURS = ((220, 40, 30), (30, 60, 220))
_ANCHORS = tuple((6.0 * 1.4**i, 8.0 * 1.4**i) for i in range(9))


def narrow_config(decoding: Decoding = "scaled", name: str = "yolov3") -> NetworkConfig:
    return NetworkConfig(
        name=name, classes=CLASSES, width=0.0625, depth=0.1, anchors=_ANCHORS, decoding=decoding
    )


def narrow_detector(decoding: Decoding = "scaled", seed: int = 0) -> AnchorDetector:
    """With BatchNorm statistics as after a training: not 0 and 1."""
    torch.manual_seed(seed)
    network = build_network(narrow_config(decoding))
    assert isinstance(network, AnchorDetector)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, std=0.1)
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def squares(folder: Path, count: int, height: int = 96, width: int = 128) -> Dataset:
    """``count`` grey pictures with three coloured rectangles each: red ones and blue ones."""
    rng = np.random.default_rng(count)
    folder.mkdir(exist_ok=True)
    images = []
    for number in range(count):
        boxes = _boxes(rng, height, width)
        labels = rng.integers(len(CLASSES), size=len(boxes))
        path = folder / f"{number}.png"
        Image.fromarray(_paint(rng, boxes, labels, height, width)).save(path)
        images.append(annotated(path, height, width, boxes, labels))
    return Dataset(
        name="squares", classes=CLASSES, category_ids=(1, 2), images=tuple(images), sha256="ab" * 32
    )


def unevenly(data: Dataset, *, few: slice = slice(1, None)) -> Dataset:
    """The same data, with one box alone in a ``few`` of the images."""
    alone = [
        replace(image, boxes=image.boxes[:1], labels=image.labels[:1], segments=(None,))
        for image in data.images[few]
    ]
    images = list(data.images)
    images[few] = alone
    return replace(data, images=tuple(images))


def annotated(
    path: Path, height: int, width: int, boxes: NDArray[np.float32], labels: NDArray[np.int64]
) -> AnnotatedImage:
    return AnnotatedImage(
        id=int(path.stem),
        path=path,
        height=height,
        width=width,
        boxes=boxes,
        labels=labels,
        crowd_boxes=np.empty((0, 4), np.float32),
        crowd_labels=np.empty(0, np.int64),
        segments=(None,) * len(boxes),
    )


def _boxes(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    extent = rng.uniform(12, 40, (3, 2))
    corner = rng.uniform(0, 1, (3, 2)) * (np.array([width, height]) - extent)
    return np.concatenate([corner, corner + extent], 1).round().astype(np.float32)


def _paint(
    rng: np.random.Generator,
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    height: int,
    width: int,
) -> NDArray[np.uint8]:
    pixels = rng.integers(90, 140, (height, width, 3), dtype=np.uint8)
    for (x0, y0, x1, y1), label in zip(boxes.astype(int), labels, strict=True):
        pixels[y0:y1, x0:x1] = _COLOURS[label]
    return pixels
