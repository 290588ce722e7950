"""Masks of classes as a network learns them: the channel of each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.data.masks.label_maps import LEFT_OUT, is_background
from netzoo.tasks.masks.classes import NO_CLASS, channel_labels, channel_names
from netzoo.zoo.config import NetworkConfig

Bytes = NDArray[np.uint8]
UNKNOWN = 255
"""Stands for pixels that count for nothing."""
MOST_CLASSES = 254
"""Of data: a label is a byte, and 0 and 255 are taken."""


def label_bytes(image: AnnotatedImage) -> Bytes:
    """The label of each pixel [H, W], 0 for none and 255 for those that are left out. Raises
    InputError as ``AnnotatedImage.label_map`` does."""
    labels = image.label_map()
    return np.where(labels == LEFT_OUT, UNKNOWN, labels).astype(np.uint8)


def channels_of_labels(classes: Sequence[str], data: Dataset) -> Bytes:
    """The channel of each label, 0–255, for a network that learns ``classes``.

    Pixels of no class are left out where the data do not know them to be background.
    """
    names = channel_names(classes, None, background=True)
    table = np.full(UNKNOWN + 1, UNKNOWN, np.uint8)
    for channel, label in enumerate(channel_labels(classes, data, len(names)).tolist()):
        if label != NO_CLASS:
            table[label] = channel
    for label, name in enumerate(data.classes, start=1):
        if is_background(name):
            table[label] = table[0]
    if not data.background:
        table[0] = UNKNOWN
    return table


def channels_for(config: NetworkConfig, data: Dataset | ClassifiedSet) -> Bytes | None:
    """:func:`channels_of_labels` for a network that learns masks by class, None for others."""
    if not config.by_class or isinstance(data, ClassifiedSet):
        return None
    return channels_of_labels(config.classes, data)
