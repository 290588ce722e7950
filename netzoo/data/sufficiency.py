"""Whether what is left of a data set, once its faults are left out, is still that data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.data.faults import Fault, FaultKind, Faults
from sizewise.core.errors import InputError

_OF_LABELS: tuple[FaultKind, ...] = ("label", "class", "outside")
"""Boxes of no area are not among them: tools leave any number of these, and they mean nothing."""


@contextmanager
def naming_first(faults: Faults) -> Iterator[None]:
    """Have the InputError of data that can't be read without their faults name the first of these:
    "it lists no images" alone would not say why."""
    try:
        yield
    except InputError as error:
        if not faults.found:
            raise
        left_out = f"{len(faults.found)} faults were left out before, and the first is"
        raise InputError(
            error.what, f"{error.why}; {left_out} {faults.found[0]}", error.todo
        ) from error


def demand_most(data: Dataset | ClassifiedSet, found: Sequence[Fault]) -> None:
    """Raises InputError where more pictures or labels were left out than are left: the data are
    then wrong as a whole (another folder of pictures, boxes in other units, other classes)."""
    labels = [fault for fault in found if fault.kind in _OF_LABELS]
    pictures = [fault for fault in found if fault.kind == "picture"]
    for what, faults, left in (
        ("pictures", pictures, len(data.images)),
        ("labels", labels, _labels(data)),
    ):
        _demand(data.name, what, faults, left)


def demand_pictures(name: str, found: Sequence[Fault], left: int) -> None:
    """The same for the pictures alone of the data ``name``, of which so many are left."""
    _demand(name, "pictures", [fault for fault in found if fault.kind == "picture"], left)


def _demand(name: str, what: str, faults: Sequence[Fault], left: int) -> None:
    if len(faults) > left:
        raise InputError(
            f"The data set {name} can't be used",
            f"{len(faults)} of its {len(faults) + left} {what} can't be. The first is {faults[0]}",
            "Correct the data. sizewise data check names every fault.",
        )


def _labels(data: Dataset | ClassifiedSet) -> int:
    if isinstance(data, ClassifiedSet):
        return len(data.images)
    return sum(
        1 if image.mask_file else len(image.boxes) + len(image.crowd_boxes) for image in data.images
    )
