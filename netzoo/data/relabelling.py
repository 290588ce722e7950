"""Relabelling: data in the classes of a network that knows more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled

Data = TypeVar("Data", bound=Dataset | ClassifiedSet)


def relabelled(data: Data, classes: tuple[str, ...]) -> Data:
    """``data`` with labels that count ``classes``; its own are found among them by their names.

    Raises InputError that names the missing ones.
    """
    labels = find_classes(data.name, data.classes, classes)
    if isinstance(data, ClassifiedSet):
        whole = tuple(replace(image, label=int(labels[image.label])) for image in data.images)
        return replace(data, classes=classes, images=whole)
    boxed = tuple(
        replace(image, labels=labels[image.labels], crowd_labels=labels[image.crowd_labels])
        for image in data.images
    )
    numbers = tuple(range(1, len(classes) + 1))
    return replace(data, classes=classes, category_ids=numbers, images=boxed)


def find_classes(name: str, wanted: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """The place in ``classes`` of each of ``wanted``, the classes of the data set ``name``: [K].

    Raises InputError that names the missing ones.
    """
    places = {label: place for place, label in enumerate(classes)}
    if missing := [label for label in wanted if label not in places]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(
            f"The data set {name} has classes that the network does not know",
            f"{', '.join(missing[:3])}{more} are not among its {len(classes)} classes",
            "Give data whose classes are among these, by the same names; a tree or "
            f"{spelled('names')} says what the network's are called.",
        )
    return np.array([places[label] for label in wanted], np.int64)
