"""COCO's average precision of one class, over many choices of the images at once.

The same figure as COCOeval's (``accumulate`` in pycocotools, whose rounding is kept), by fewer
steps. Precision and recall change the interpolated curve only where an object is found, so false
alarms enter as the number of them before each object that is found. These numbers are linear in the
images' weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Floats = NDArray[np.float64]

RECALLS = np.linspace(0, 1, 101)
"""Where precision is read, as COCO spells them: 57 of them is a little more than 0.57."""
_AT_ONCE = 2**17
"""Numbers in one array, about: those that are worked on together then fit into a core's cache."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """The detections of one class, best first: the image of each [D], and at which thresholds it is
    ``matched`` or ``ignored`` [thresholds, D]; ``objects``: the image of each one to be found."""

    image: NDArray[np.int64]
    matched: Bits
    ignored: Bits
    objects: NDArray[np.int64]


def average_precision(ranking: Ranking, weights: Floats) -> Floats:
    """Average precision at each IoU threshold [thresholds, resamples], where each image is taken
    ``weights`` [images, resamples] times; NaN where a choice has no object of the class."""
    useful = int(ranking.matched.any(axis=0).sum())
    step = max(1, _AT_ONCE // max(useful, 1))
    starts = range(0, weights.shape[1], step)
    parts = [_of_some(ranking, weights[:, start : start + step]) for start in starts]
    return np.concatenate(parts, axis=1)


def _of_some(ranking: Ranking, weights: Floats) -> Floats:
    objects = np.bincount(ranking.objects, minlength=len(weights)) @ weights
    useful = np.flatnonzero(ranking.matched.any(axis=0))
    before = _counted(ranking.image, useful, weights)
    taken = weights.take(ranking.image[useful], axis=0)
    found = np.zeros((len(ranking.matched), weights.shape[1]))
    for place, (matched, ignored) in enumerate(zip(ranking.matched, ranking.ignored, strict=True)):
        hits = np.flatnonzero(matched[useful])
        counted = before.take(hits, axis=0)
        if ignored.any():
            lost = np.flatnonzero(ignored)
            counted -= _counted(ranking.image, useful[hits], weights, of=lost)
        found[place] = _area(taken.take(hits, axis=0), counted, objects)
    return np.where(objects > 0, found, np.nan)


def _counted(
    image: NDArray[np.int64],
    until: NDArray[np.int64],
    weights: Floats,
    of: NDArray[np.int64] | None = None,
) -> Floats:
    """How many detections come up to each of ``until`` [N], itself among them: [N, resamples]; only
    those in ``of`` where that is given."""
    from scipy.sparse import csr_array

    each = np.arange(len(image)) if of is None else of
    section = np.searchsorted(until, each)  # that which ends with the next of ``until``
    each, section = each[section < len(until)], section[section < len(until)]
    shape = (len(until), len(weights))
    in_section = csr_array((np.ones(len(each)), (section, image[each])), shape=shape)
    counted = np.asarray(in_section @ weights)
    _accumulate(np.add, counted)
    return counted


def _area(taken: Floats, counted: Floats, objects: Floats) -> Floats:
    """The mean of the interpolated precision over ``RECALLS`` [resamples]. Of each object that is
    found, how often it is ``taken``, and how many detections come up to it [N, resamples]."""
    _accumulate(np.add, taken)
    precision = taken / (counted + np.spacing(1))
    _accumulate(np.maximum, precision[::-1])
    reached = _recalls_reached(taken / np.maximum(objects, 1))
    reached[1:] -= reached[:-1].copy()
    area: Floats = (precision * reached).sum(axis=0) / len(RECALLS)
    return area


def _recalls_reached(recall: Floats) -> Floats:
    """How many of ``RECALLS`` are at most ``recall``."""
    nearest = np.rint(recall * (len(RECALLS) - 1))
    return nearest + (RECALLS.take(nearest.astype(np.intp)) <= recall)


def _accumulate(function: np.ufunc, rows: Floats) -> None:
    """``function.accumulate`` down the rows, in place. NumPy's own goes down column by column,
    which takes ten times as long."""
    for above, row in pairwise(rows):
        function(above, row, out=row)
