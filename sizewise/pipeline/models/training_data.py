"""The data of a training as they are opened: what is wrong is left out and said, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netzoo.data.faults import STOP, Noted, faults_for
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.models.left_out import say_left_out
from sizewise.pipeline.models.training import Training

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.data.coco.folders import Split
    from netzoo.data.faults import Faults
    from netzoo.zoo.network import NetworkEntry


class Source(NamedTuple):
    """A source of data, and the folder of its pictures where a user names it."""

    data: str
    images: Path | None


def open_part(
    entry: NetworkEntry, source: Source, split: Split, reporter: Reporter, faults: Faults
) -> Dataset | ClassifiedSet:
    """A part of the data; what ``faults`` leaves out is said. Raises InputError where that is most
    of it."""
    from netzoo.data.sufficiency import demand_most, naming_first
    from netzoo.tasks.registry import find_task

    task = find_task(entry.task)
    with naming_first(faults):
        data = task.open_data(source.data, split, reporter, images=source.images, faults=faults)
    if faults.found and not data.images:  # whoever stops at the first says more of it
        task.open_data(source.data, split, SILENT, images=source.images, faults=STOP)
    demand_most(data, faults.found)
    say_left_out(data.name, faults.found, reporter)
    return data


def open_whole_images(
    training: Training, reporter: Reporter, faults: Noted
) -> ClassifiedSet | None:
    """The classified images of the loss joint. ``faults`` are told what is left out of them. Raises
    UsageError where they are missing."""
    from netzoo.data.classified import open_classified
    from netzoo.data.sufficiency import demand_most, naming_first
    from netzoo.training.loading.joint import JOINT

    if source := training.options.classification_data:
        own = faults_for(strict=training.options.strict)
        with naming_first(own):
            found = open_classified(source, "train", progress=reporter, faults=own)
        demand_most(found, own.found)
        say_left_out(found.name, own.found, reporter)
        for fault in own.found:
            faults.take(fault)
        return found
    if training.settings.loss == JOINT:
        raise UsageError(
            f"{training.network} can't be trained with the loss {JOINT} on boxes alone",
            "it learns from classified images at the same time",
            f"Give {spelled('classification_data')} too, or choose another loss.",
        )
    return None


def demand_others(others: Dataset | ClassifiedSet, data: Dataset | ClassifiedSet) -> None:
    """Raises InputError where ``others`` are no images, or those that are trained on."""
    if others.images and others.sha256 != data.sha256:
        return
    raise InputError(
        f"{others.name} says nothing of the accuracy on other pictures",
        "the network is trained on just these" if others.images else "it has no images",
        "Give data with a validation part of its own: a data.yaml, or a folder in the layout of "
        "COCO (train.json and val.json), Pascal VOC or YOLO, with masks, or with train/CLASS/ and "
        "val/CLASS/.",
    )
