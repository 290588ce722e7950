"""Checks of a training before it starts, as it may take hours."""

from __future__ import annotations

from collections.abc import Iterable

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.fusions._registry import find_fusion
from netzoo.losses._registry import LossEntry
from netzoo.scales import Scales
from netzoo.tasks.registry import find_task
from netzoo.training.class_masks import MOST_CLASSES
from netzoo.training.loading.draws import images_at
from netzoo.training.loading.joint import JOINT
from netzoo.training.settings import TrainingSettings
from netzoo.zoo.config import MULTISCALE, MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import NetworkEntry
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size

_OF_SCALES = (
    *("scale_weights", "consistency", "price", "single_scale_steps"),
    "sequential",
)


def check_data(
    entry: NetworkEntry,
    config: NetworkConfig,
    data: Dataset | ClassifiedSet,
    *,
    masks: bool = True,
) -> None:
    """Raises InputError for data of the wrong kind, of the wrong content or of none. ``masks`` says
    whether to look at each mask as well."""
    task = find_task(entry.task)
    if isinstance(data, ClassifiedSet) != task.learns_images:
        raise InputError(
            f"{config.name} can't be trained on {data.name}",
            f"{task.name} needs {task.learns}",
            "Give such data, or choose a network for the data that you have.",
        )
    if not data.images:
        raise InputError(
            f"The data set {data.name} can't be trained on",
            "it has no images",
            "Give a data set with images.",
        )
    if task.learns_masks and isinstance(data, Dataset):
        _check_classes_of_masks(config, data)
        for image in data.images if masks else ():
            image.check_mask()
    if config.classes != data.classes and (config.by_class or not task.learns_masks):
        raise InputError(
            f"{config.name} can't be trained on the data set {data.name}",
            f"its classes are {', '.join(config.classes)}, the data's {', '.join(data.classes)}",
            "Build the network with the data's classes.",
        )


def _check_classes_of_masks(config: NetworkConfig, data: Dataset) -> None:
    if config.by_class and len(data.classes) > MOST_CLASSES:
        raise InputError(
            f"{config.name} can't be trained on the classes of {data.name}",
            f"they are {len(data.classes)}, and masks are learnt with at most {MOST_CLASSES}",
            "Give data with fewer classes.",
        )


def check_classified(entry: NetworkEntry, loss: LossEntry, classified: ClassifiedSet) -> None:
    """Raises UsageError where the loss can't use classified images, InputError without images."""
    if loss.name != JOINT:
        raise UsageError(
            f"{entry.name} can't be trained on {classified.name} beside its boxes",
            f"the loss {loss.name} can't use images that have only a class label",
            f"Choose the loss {JOINT}, which trains yolo9000, or leave the data out.",
        )
    if not classified.images:
        raise InputError(
            f"The data set {classified.name} can't be trained on",
            "it has no images",
            "Give a data set with images, or leave it out.",
        )


def check_sizes(entry: NetworkEntry, settings: TrainingSettings) -> None:
    """Raises UsageError where the network can't be trained at one of the sizes."""
    demand_multiples(entry, settings.sizes)
    stride = entry.stride
    for size in settings.sizes:
        if size.pixels * images_at(size, settings) == stride**2:
            raise UsageError(
                f"{entry.name} can't be trained at {size} with one image per step",
                "its coarsest map is then a single cell, and BatchNorm needs at least two",
                "Give larger sizes, or more images per step.",
            )


def demand_multiples(entry: NetworkEntry, sizes: Iterable[Size]) -> None:
    """Raises UsageError for a size that the stride of a network does not take."""
    stride = entry.stride
    for size in sizes:
        if size.height % stride or size.width % stride:
            raise UsageError(
                f"{entry.name} can't be trained at {size}",
                f"height and width must be multiples of its stride, {stride}",
                f"Give sizes in steps of {stride}, such as {5 * stride}:{10 * stride}:{stride}.",
            )


def check_scales(entry: NetworkEntry, config: NetworkConfig, settings: TrainingSettings) -> None:
    """Raises UsageError where settings of scales and the network's scales do not agree."""
    scales = settings.scales
    if entry.name != MULTISCALE:
        if scales:
            raise UsageError(
                f"{entry.name} can't be trained with settings of several scales",
                "it sees each picture at one scale",
                f"Leave out {', '.join(map(spelled, _OF_SCALES))}; or choose {MULTISCALE}.",
            )
        return
    configured = config.multiscale or MultiscaleConfig()
    if scales and len(scales.weights) not in (0, len(configured.scales)):
        raise UsageError(
            f"{entry.name} can't be trained with {len(scales.weights)} scale weights",
            f"it has {len(configured.scales)} scales",
            "Give one weight per scale, in their order; or none, for 1 at 1x and 0.5 elsewhere.",
        )
    if scales and scales.single_scale_steps >= settings.steps:
        raise UsageError(
            f"{entry.name} can't be trained at 1x alone for {scales.single_scale_steps} steps",
            f"the training has {settings.steps} steps, so it would never see the other scales",
            "Give fewer, or choose the fusion single.",
        )
    used = Scales((1.0,)) if find_fusion(configured.fusion).single else configured.pyramid
    least = used.least_side
    for size in settings.sizes:
        if min(size.height, size.width) < least:
            raise UsageError(
                f"{entry.name} can't be trained at {size}",
                f"at {used.names[0]}, less than one stride is left of it",
                f"Give sizes of at least {least}, or larger scales.",
            )
