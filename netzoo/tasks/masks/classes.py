"""Masks of classes: whose channels are whose classes, and scores over a whole data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netzoo.data.class_names import find_classes
from netzoo.data.masks.label_maps import BACKGROUND, LEFT_OUT, is_background
from sizewise.core.errors import InputError
from sizewise.core.evidence import ClassMaskEvidence
from sizewise.core.evidence.base import images_hash
from sizewise.core.options.declared import spelled

if TYPE_CHECKING:
    from netzoo.data.coco.dataset import Dataset

Labels = NDArray[np.int32]
NO_CLASS = -1
"""The label of a channel whose class the data do not have."""


def channel_names(
    classes: Sequence[str], count: int | None, *, background: bool
) -> tuple[str, ...]:
    """The name of each channel of a model that knows ``classes``; a background without a name comes
    first. ``count`` is the number of its channels, where its outputs tell it; ``background`` says
    whether the data have a background.

    Raises InputError where there are neither so many classes nor one less.
    """
    named = any(map(is_background, classes))
    implied = not named and (background if count is None else count == len(classes) + 1)
    names = (BACKGROUND, *classes) if implied else tuple(classes)
    if count is not None and count != len(names):
        raise InputError(
            f"The model has {count} classes",
            f"{len(classes)} are named, and a background counts beside them",
            f"Give as many with {spelled('names')}, one a line and in the model's order.",
        )
    return names


def channel_labels(classes: Sequence[str], data: Dataset, count: int | None) -> Labels:
    """The label in ``data`` of each channel (``netzoo.data.masks.label_maps``), by the classes'
    names; a model without names has the data's classes in their order.

    Classes that the model alone knows count as background, where both have one. Raises InputError
    where a class of the data is not among the model's, or the numbers differ.
    """
    names = channel_names(classes or data.classes, count, background=data.background)
    own = [name for name in names if not is_background(name)]
    find_classes(data.name, [one for one in data.classes if not is_background(one)], own)
    label_of = {name: label for label, name in enumerate(data.classes, start=1)}
    both = data.background and len(own) < len(names)
    other = 0 if both else NO_CLASS
    labels = [0 if is_background(name) else label_of.get(name, other) for name in names]
    return np.array(labels, np.int32)


@dataclass
class ClassMaskScores:
    """Pixels counted image by image; see :class:`ClassMaskEvidence`.

    ``classes`` counts the data's, whose labels count from 1; ``background`` says whether 0 is one
    more. Every score is over all pixels of all images together. Pixels that the data leave out do
    not count.
    """

    classes: int
    background: bool
    by_image: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, found: Labels, truth: Labels) -> None:
        """One image: labels [H, W] of the prediction (``NO_CLASS`` for one that the data do not
        have) and of the truth. Raises InputError where the two differ in shape."""
        if found.shape != truth.shape:
            raise InputError(
                "Mask and prediction can't be compared",
                f"the prediction is {list(found.shape)}, the mask {list(truth.shape)}",
                "Bring the prediction back to the picture's own size first.",
            )
        counted = truth != LEFT_OUT
        if not self.background:
            counted &= truth != 0
        sides = self.classes + 2  # the last one is NO_CLASS
        pairs = truth[counted].astype(np.int64) * sides + found[counted] % sides
        both = np.bincount(pairs, minlength=sides**2).reshape(sides, sides)
        rows = np.stack([both.sum(1), both.sum(0), np.diagonal(both)], axis=1)
        self.by_image.append(rows[:-1])

    def evidence(self, ids: Sequence[int]) -> ClassMaskEvidence:
        """What was counted of each image; ``ids`` are the images', in the order of :meth:`add`."""
        order = np.argsort(ids, kind="stable")
        counts = np.array(self.by_image, np.int64).reshape(-1, self.classes + 1, 3)[order]
        if not self.background:
            counts[:, 0] = 0
        image, label = np.nonzero(counts[..., 0] + counts[..., 1])
        return ClassMaskEvidence(
            count=len(order),
            images=images_hash(ids[place] for place in order),
            image=image,
            label=label,
            there=counts[image, label, 0],
            found=counts[image, label, 1],
            hits=counts[image, label, 2],
        )
