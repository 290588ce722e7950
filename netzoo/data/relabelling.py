"""Relabelling: data in the classes of a network that knows more of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from netzoo.data.class_names import find_classes
from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset

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
