"""Composing one picture: a crop of a photograph, dimmed, with bright handwritten digits on it.

Dark on light as well as light on dark was tried: a small classifier then needs four times the steps
to tell the digits apart, and a detector does not learn them in the few minutes that we have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.sets._glyphs import Sample, draw_glyph

CANVAS = 320
LARGEST, SMALLEST = 96, 10
_MOST_COVERED = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """One digit as it can be seen: strokes [H, W], none of them under another digit."""

    sample: Sample
    mask: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """RGB [H, W, 3] of 0–255 and what was put there."""

    pixels: NDArray[np.uint8]
    placed: tuple[Placed, ...]


def compose(
    photograph: Image.Image, samples: Sequence[Sample], rng: np.random.Generator
) -> Picture:
    """Three to eight of ``samples`` on a crop of ``photograph``."""
    pixels = _background(photograph, rng)
    owner = np.full((CANVAS, CANVAS), -1, np.int8)
    taken: list[tuple[slice, slice]] = []
    chosen = [samples[i] for i in rng.integers(len(samples), size=rng.integers(3, 9))]
    for number, sample in enumerate(chosen):
        glyph = draw_glyph(sample, _longest_side(rng), rng.uniform(-15, 15))
        spot = _free_spot(glyph.shape, taken, rng)
        if spot is None:
            continue
        taken.append(spot)
        _paint(pixels[:, *spot], glyph, rng)
        owner[spot][glyph > 0.5] = number
    placed = [Placed(sample=sample, mask=owner == n) for n, sample in enumerate(chosen)]
    pixels += np.float32(rng.uniform(0, 6)) * rng.standard_normal((CANVAS, CANVAS), np.float32)
    return Picture(
        pixels=pixels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0),
        placed=tuple(p for p in placed if max(box_of(p.mask)[2:]) >= SMALLEST),
    )


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x, y, width and height of the smallest box around ``mask``; zeros where it is empty."""
    if not mask.any():
        return 0, 0, 0, 0
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def _background(photograph: Image.Image, rng: np.random.Generator) -> NDArray[np.float32]:
    """A square of 40 to 100 % of the shorter side, perhaps mirrored, a quarter to 60 % as light."""
    side = round(min(photograph.size) * rng.uniform(0.4, 1.0))
    left = int(rng.integers(photograph.width - side + 1))
    top = int(rng.integers(photograph.height - side + 1))
    crop = photograph.resize(
        (CANVAS, CANVAS), Image.Resampling.BILINEAR, (left, top, left + side, top + side)
    )
    # Planes of colour, [3, H, W]: what is the same for the three is several times faster so.
    pixels = np.asarray(crop).transpose(2, 0, 1).astype(np.float32, order="C")
    if rng.random() < 0.5:
        pixels = pixels[:, :, ::-1]
    return pixels * np.float32(rng.uniform(0.25, 0.6))


def _longest_side(rng: np.random.Generator) -> int:
    # One more than the least, as what is covered or rounded off is missing from the box.
    return int(rng.integers(SMALLEST + 1, LARGEST + 1))


def _free_spot(
    shape: tuple[int, ...], taken: Sequence[tuple[slice, slice]], rng: np.random.Generator
) -> tuple[slice, slice] | None:
    """A place for [h, w] that covers little of those ``taken``; none in twenty tries, None."""
    height, width = shape
    for _ in range(20):
        y = int(rng.integers(CANVAS - height + 1))
        x = int(rng.integers(CANVAS - width + 1))
        spot = slice(y, y + height), slice(x, x + width)
        if all(_covered(spot, other) <= _MOST_COVERED for other in taken):
            return spot
    return None


def _covered(one: tuple[slice, slice], other: tuple[slice, slice]) -> float:
    """The share of the smaller of two boxes that the other covers, 0–1."""
    shared, areas = 1, [1, 1]
    for a, b in zip(one, other, strict=True):
        shared *= max(0, min(a.stop, b.stop) - max(a.start, b.start))
        areas = [areas[0] * (a.stop - a.start), areas[1] * (b.stop - b.start)]
    return shared / min(areas)


def _paint(
    patch: NDArray[np.float32], glyph: NDArray[np.float32], rng: np.random.Generator
) -> None:
    """Blend a bright colour into ``patch`` [3, h, w]."""
    colour = rng.uniform(145, 255, (3, 1, 1)).astype(np.float32)
    patch += glyph * np.float32(rng.uniform(0.85, 1.0)) * (colour - patch)
