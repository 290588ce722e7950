"""What a training must be, before it takes hours."""

from __future__ import annotations

from netzoo.config import NetworkConfig
from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco import Dataset
from netzoo.loss import LossEntry
from netzoo.network import NetworkEntry
from netzoo.training.joint import JOINT
from netzoo.training.settings import TrainingSettings
from sizewise.errors import InputError, UsageError


def check_data(entry: NetworkEntry, config: NetworkConfig, data: Dataset | ClassifiedSet) -> None:
    """Raises UsageError for data of the wrong kind, InputError for the wrong or no content."""
    whole = entry.task == "classification"
    if isinstance(data, ClassifiedSet) != whole:
        raise UsageError(
            f"{config.name} can't be trained on {data.name}",
            f"it does {entry.task}, so it needs {'classified images' if whole else 'boxes'}",
            "Give data of that kind, or choose a network for this one.",
        )
    if not data.images:
        raise InputError(
            f"The data set {data.name} can't be trained on",
            "it has no images",
            "Give one that has.",
        )
    if config.classes != data.classes:
        raise InputError(
            f"{config.name} can't be trained on the data set {data.name}",
            f"its classes are {', '.join(config.classes)}, the data's {', '.join(data.classes)}",
            "Build the network with the data's classes.",
        )


def check_classified(entry: NetworkEntry, loss: LossEntry, classified: ClassifiedSet) -> None:
    """Raises UsageError where the loss has no use for them, InputError where there are none."""
    if loss.name != JOINT:
        raise UsageError(
            f"{entry.name} can't be trained on {classified.name} beside its boxes",
            f"the loss {loss.name} has no use for images that are only classified",
            f"Choose the loss {JOINT}, which trains yolo9000, or leave the data out.",
        )
    if not classified.images:
        raise InputError(
            f"The data set {classified.name} can't be trained on",
            "it has no images",
            "Give one that has, or leave it out.",
        )


def check_sizes(entry: NetworkEntry, settings: TrainingSettings) -> None:
    """Raises UsageError."""
    stride = max(entry.strides)
    for size in settings.sizes:
        if size.height % stride or size.width % stride:
            raise UsageError(
                f"{entry.name} can't be trained at {size}",
                f"height and width must be multiples of its stride, {stride}",
                f"Give sizes in steps of {stride}, as {5 * stride}:{10 * stride}:{stride}.",
            )
        if size.pixels * settings.batch_size == stride**2:
            raise UsageError(
                f"{entry.name} can't be trained at {size} with one image per step",
                "its coarsest features are one cell then, and BatchNorm needs two to compare",
                "Give larger sizes, or more images per step.",
            )
