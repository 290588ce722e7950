"""What a training must be, before it takes hours."""

from __future__ import annotations

from netzoo.config import MULTISCALE, MultiscaleConfig, NetworkConfig
from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco import Dataset
from netzoo.fusions._registry import find_fusion
from netzoo.losses._registry import LossEntry
from netzoo.network import NetworkEntry
from netzoo.scales import Scales
from netzoo.tasks.registry import find_task
from netzoo.training.joint import JOINT
from netzoo.training.settings import TrainingSettings
from sizewise.core.errors import InputError, UsageError


def check_data(entry: NetworkEntry, config: NetworkConfig, data: Dataset | ClassifiedSet) -> None:
    """Raises UsageError for data of the wrong kind, InputError for the wrong or no content."""
    task = find_task(entry.task)
    if isinstance(data, ClassifiedSet) != task.learns_images:
        raise UsageError(
            f"{config.name} can't be trained on {data.name}",
            f"it does {task.name}, so it needs {task.learns}",
            "Give data of that kind, or choose a network for this one.",
        )
    if not data.images:
        raise InputError(
            f"The data set {data.name} can't be trained on",
            "it has no images",
            "Give one that has.",
        )
    if task.learns_masks and isinstance(data, Dataset):
        for image in data.images:
            image.check_mask()
    elif config.classes != data.classes:
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
    stride = entry.stride
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


def check_scales(entry: NetworkEntry, config: NetworkConfig, settings: TrainingSettings) -> None:
    """Raises UsageError."""
    scales = settings.scales
    if entry.name != MULTISCALE:
        if scales:
            raise UsageError(
                f"{entry.name} can't be trained as a network of several scales is",
                "it looks at a picture as it is",
                "Leave out weights of scales, consistency, price, single-scale steps, "
                f"checkpointing and sequential; or choose {MULTISCALE}.",
            )
        return
    looked_at = config.multiscale or MultiscaleConfig()
    if scales and len(scales.weights) not in (0, len(looked_at.scales)):
        raise UsageError(
            f"{entry.name} can't be trained with {len(scales.weights)} weights of scales",
            f"it looks at {len(looked_at.scales)}",
            "Give one for each, in their order; or none, for 1 at 1x and 0.5 at the others.",
        )
    if scales and scales.single_scale_steps >= settings.steps:
        raise UsageError(
            f"{entry.name} can't be trained at 1x alone for {scales.single_scale_steps} steps",
            f"there are {settings.steps}, so it would never see the other scales",
            "Give fewer, or choose the fusion single.",
        )
    used = Scales((1.0,)) if find_fusion(looked_at.fusion).single else looked_at.pyramid
    least = used.least_side
    for size in settings.sizes:
        if min(size.height, size.width) < least:
            raise UsageError(
                f"{entry.name} can't be trained at {size}",
                f"at {used.names[0]}, less than one stride is left of it",
                f"Give sizes of {least} and more, or larger scales.",
            )
