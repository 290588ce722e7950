"""scikit-learn's 1,797 handwritten digits (8 × 8, 17 greys) as shapes that can be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.sets._photographs import package_folder

_LARGE = 96
_VAL_SHARE = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One handwritten digit: its place in scikit-learn's list, and its ink [8, 8] of 0–1."""

    index: int
    digit: int
    ink: NDArray[np.float32]


def split_samples(rng: np.random.Generator) -> Mapping[str, tuple[Sample, ...]]:
    """Every sample, in ``train`` or in ``val``: of each digit the same share."""
    package_folder("sklearn")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    samples = [
        Sample(index=index, digit=int(digit), ink=(image / 16).astype(np.float32))
        for index, (image, digit) in enumerate(zip(bunch.images, bunch.target, strict=True))
    ]
    parts: dict[str, tuple[Sample, ...]] = {"train": (), "val": ()}
    for digit in range(10):
        same = [sample for sample in samples if sample.digit == digit]
        order = rng.permutation(len(same)).tolist()
        cut = round(len(same) * _VAL_SHARE)
        parts["val"] += tuple(same[i] for i in order[:cut])
        parts["train"] += tuple(same[i] for i in order[cut:])
    return parts


def draw_glyph(sample: Sample, longest: int, degrees: float) -> NDArray[np.float32]:
    """The digit's opacity [h, w] of 0–1, turned, its longer side ``longest`` pixels."""
    bordered = np.pad(sample.ink, 1)
    large = Image.fromarray(bordered).resize((_LARGE, _LARGE), Image.Resampling.BICUBIC)
    turned = np.asarray(large.rotate(degrees, Image.Resampling.BILINEAR))
    # The grey of these scans is how much of a cell the pen covered: half of it is the edge.
    opacity = np.clip((turned - 0.5) * 2.5 + 0.5, 0, 1)
    rows, columns = np.nonzero(opacity > 0.5)
    tight = opacity[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = longest / max(tight.shape)
    size = (max(1, round(tight.shape[1] * scale)), max(1, round(tight.shape[0] * scale)))
    return np.asarray(Image.fromarray(tight).resize(size, Image.Resampling.BILINEAR))
