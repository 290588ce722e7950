"""Digits in the shapes that a traffic has: pictures, and the traffic of their sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.coco.dataset import AnnotatedImage
from netzoo.data.coco.format import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoImage,
    save_coco_json,
)
from netzoo.data.sources import open_dataset
from sizewise.core.specs import Size
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.preparation.traffic.opening import TrafficOptions, open_traffic

PICTURES = 80
"""Of a traffic, from its beginning, for accuracy."""
_TILES = 2
"""Pictures of the data set, beside and above each other, that one is cut from."""
_LEAST_SHOWN = 0.5
"""Of a box, for the object to be counted; what is cut further is a crowd, which counts nowhere."""


@dataclass(frozen=True, kw_only=True)
class _Scene:
    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


def traffic_at(name: str, side: int) -> Traffic:
    """A made-up traffic, its larger pictures scaled down to ``side`` pixels."""
    came = open_traffic(name, TrafficOptions())
    sizes = (_scaled(size, side) for size in came.stream)
    return Traffic.of(sizes, name=name, made=f"{came.made} Scaled down to {side} pixels.")


def _scaled(size: Size, side: int) -> Size:
    by = min(1.0, side / max(size.height, size.width))
    return Size(max(1, round(size.height * by)), max(1, round(size.width * by)))


def save_pictures(traffic: Traffic, path: Path) -> None:
    """Write a COCO JSON of pictures that have the first sizes of the traffic, cut from the digits
    that networks are validated with, at their own scale. They lie in the folder of its name."""
    data = open_dataset("digits", "val")
    rng = np.random.default_rng(0)
    images, annotations = list[CocoImage](), list[CocoAnnotation]()
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(traffic.stream[:PICTURES], start=1):
        scene = _cut(_tiled(data.images, rng), size, rng)
        name = f"{number:04}.png"
        Image.fromarray(scene.pixels).save(folder / name)
        images.append(CocoImage(id=number, file_name=name, height=size.height, width=size.width))
        annotations.extend(_annotated(scene, size, number, len(annotations)))
    categories = [CocoCategory(id=n, name=name) for n, name in enumerate(data.classes, start=1)]
    save_coco_json(CocoFile(images=images, annotations=annotations, categories=categories), path)


def _tiled(images: tuple[AnnotatedImage, ...], rng: np.random.Generator) -> _Scene:
    chosen = [images[n] for n in rng.choice(len(images), _TILES**2, replace=False)]
    read = [image.read() for image in chosen]
    height, width = read[0].shape[:2]
    rows = [np.hstack(read[n : n + _TILES]) for n in range(0, _TILES**2, _TILES)]
    offsets = [(n % _TILES * width, n // _TILES * height) for n in range(_TILES**2)]
    boxes = [
        image.boxes + np.array([x, y, x, y], np.float32)
        for image, (x, y) in zip(chosen, offsets, strict=True)
    ]
    labels = np.concatenate([image.labels for image in chosen])
    return _Scene(pixels=np.vstack(rows), boxes=np.concatenate(boxes), labels=labels)


def _cut(scene: _Scene, size: Size, rng: np.random.Generator) -> _Scene:
    height, width = scene.pixels.shape[:2]
    y = int(rng.integers(height - size.height + 1))
    x = int(rng.integers(width - size.width + 1))
    moved = scene.boxes - np.array([x, y, x, y], np.float32)
    pixels = scene.pixels[y : y + size.height, x : x + size.width]
    return _Scene(pixels=np.ascontiguousarray(pixels), boxes=moved, labels=scene.labels)


def _annotated(scene: _Scene, size: Size, image: int, before: int) -> Iterator[CocoAnnotation]:
    limits = np.array([size.width, size.height] * 2, np.float32)
    number = before
    for box, label in zip(scene.boxes, scene.labels, strict=True):
        shown = np.clip(box, 0, limits)
        area, whole = _area(shown), _area(box)
        if area > 0:
            number += 1
            x0, y0, x1, y1 = map(float, shown)
            yield CocoAnnotation(
                id=number,
                image_id=image,
                category_id=int(label) + 1,
                bbox=(x0, y0, x1 - x0, y1 - y0),
                area=area,
                iscrowd=int(area < _LEAST_SHOWN * whole),
            )


def _area(box: NDArray[np.float32]) -> float:
    return float(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))
