"""What a training skipped before it was interrupted, taken up by the one that goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.data.faults import Faults
from netzoo.training.loading.collating import TrainingImage
from netzoo.training.loading.unreadable import Unreadable
from sizewise.core.errors import InputError

Data = Dataset | ClassifiedSet


def take_up(found: Iterable[Unreadable], parts: Iterable[Data], faults: Faults, file: Path) -> None:
    """Tell ``faults`` what was skipped; ``file`` has the state of the training.

    The hash of the data shows nearly every change of a picture, but none in the middle of a large
    one. Raises InputError where such an image can be read by now: the training would go on with
    other batches than without the interruption.
    """
    of_file: defaultdict[str, list[TrainingImage]] = defaultdict(list)
    for part in parts:
        for image in part.images:
            of_file[str(image.path)].append(image)
    for one in found:
        if not any(_is_so(one, image) for image in of_file[one.path]):
            raise InputError(
                f"The training in {file} can't go on",
                f"it skipped {one.path} as that could not be read, and now it can be",
                "Remove the file to train anew, with this picture.",
            )
        faults.refuse(one.kind, one.error())


def _is_so(one: Unreadable, image: TrainingImage) -> bool:
    """Whether reading ends in the same error."""
    read: Callable[[], object] = image.read
    if one.kind == "label" and isinstance(image, AnnotatedImage):
        read = image.label_map
    try:
        read()
    except InputError as error:
        return error.what == one.what
    return False
