"""Anchors fitted to the data: k-means on the boxes' shapes, with 1 − IoU as the distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.dataset import Dataset
from netzoo.tasks.letterbox import Letterbox
from netzoo.zoo.network import HeadDesign
from sizewise.core.errors import InputError
from sizewise.core.specs import Size

Shapes = NDArray[np.float64]
"""[K, 2]: widths and heights, in pixels."""
Anchors = tuple[tuple[float, float], ...]
_ROUNDS = 100
_SAMPLE = 20_000
"""The most shapes to cluster: more do not change nine clusters."""


def mean_best_iou(shapes: Shapes, anchors: Anchors) -> float:
    """How well anchors cover shapes: the mean over these of the IoU with the best anchor, 0–1."""
    return float(shape_iou(shapes, np.array(anchors)).max(1).mean())


def fit_anchors(
    data: Dataset, sizes: Sequence[Size], published: Anchors, seed: int, *, keep_shape: bool = True
) -> Anchors:
    """Fit as many anchors as were ``published`` to the data, for inputs of all ``sizes``.

    They are (width, height) in input pixels, ordered by area. Where the data has fewer shapes than
    that, the published ones stay. Without ``keep_shape``, pictures are stretched. Raises InputError
    where there is no shape.
    """
    shapes = shapes_of(data, sizes, keep_shape=keep_shape)
    count = len(published)
    rng = np.random.default_rng(seed)
    if len(shapes) > _SAMPLE:
        shapes = rng.choice(shapes, _SAMPLE, replace=False)
    if len(np.unique(shapes.round(2), axis=0)) < count:
        return published
    anchors = cluster_shapes(shapes, count, rng)
    return tuple((float(width), float(height)) for width, height in anchors.round(2))


def masks_of(design: HeadDesign) -> tuple[tuple[int, ...], ...]:
    """:func:`shared_out` as a configuration has it: none where they are the design's own."""
    found = shared_out(design)
    return () if found == design.masks else found


def shared_out(design: HeadDesign) -> tuple[tuple[int, ...], ...]:
    """Masks by which every anchor belongs to a head, the smallest ones to the finest.

    YOLOv4-tiny's own leave the first anchor out (AlexeyAB/darknet#6107): a fitted one would be
    lost, and under the paper's loss every box that is its.
    """
    finest_first = sorted(range(len(design.strides)), key=lambda head: design.strides[head])
    ranks = [finest_first.index(head) for head in range(len(design.strides))]
    each = len(design.masks[0])
    return tuple(tuple(range(rank * each, (rank + 1) * each)) for rank in ranks)


def cluster_shapes(shapes: Shapes, count: int, rng: np.random.Generator) -> Shapes:
    """Cluster shapes by k-means++ with 1 − IoU (Redmon and Farhadi 2017, YOLOv2, §2).

    ``shapes`` [K, 2] → [count, 2], ordered by area.
    """
    centres = _spread_out(shapes, count, rng)
    nearest = np.full(len(shapes), -1)
    for _ in range(_ROUNDS):
        assigned = shape_iou(shapes, centres).argmax(1)
        if (assigned == nearest).all():
            break
        nearest = assigned
        for cluster in np.unique(nearest):
            centres[cluster] = shapes[nearest == cluster].mean(0)
    ordered: Shapes = centres[centres.prod(1).argsort(kind="stable")]
    return ordered


def shape_iou(a: Shapes, b: Shapes) -> NDArray[np.float64]:
    """The IoU of boxes with a common corner: [K, 2] and [N, 2] → [K, N], 0–1."""
    shared = np.minimum(a[:, None], b[None]).prod(2)
    overlap: NDArray[np.float64] = shared / (a.prod(1)[:, None] + b.prod(1)[None] - shared)
    return overlap


def _spread_out(shapes: Shapes, count: int, rng: np.random.Generator) -> Shapes:
    """The first centres, drawn far apart as in k-means++ (Arthur and Vassilvitskii 2007)."""
    chosen = [int(rng.integers(len(shapes)))]
    while len(chosen) < count:
        distance = (1 - shape_iou(shapes, shapes[chosen]).max(1)).clip(0) ** 2
        chosen.append(int(rng.choice(len(shapes), p=distance / distance.sum())))
    return shapes[chosen].copy()


def shapes_of(data: Dataset, sizes: Sequence[Size], *, keep_shape: bool = True) -> Shapes:
    """The shapes of all boxes in inputs of each of ``sizes``. Raises InputError where there is no
    shape."""
    found = [np.empty((0, 2))]
    for image in data.images:
        extents = (image.boxes[:, 2:] - image.boxes[:, :2]).astype(np.float64)
        for size in sizes:
            fit = Letterbox.fit(Size(image.height, image.width), size, keep_shape=keep_shape)
            found.append(extents * (fit.scale_x, fit.scale_y))
    shapes = np.concatenate(found)
    usable: Shapes = shapes[(shapes > 0).all(1)]
    if not len(usable):
        raise InputError(
            f"No anchors can be fitted to the data set {data.name}",
            "none of its boxes has a width and a height",
            "Give images with boxes.",
        )
    return usable
