"""Data that are wrong as a whole, not here and there."""

from __future__ import annotations

from pathlib import Path

import pytest

from netzoo.data.classified import crops_of
from netzoo.data.coco.dataset import Dataset
from netzoo.data.faults import Fault, FaultKind, Noted
from netzoo.data.sufficiency import demand_most, naming_first
from sizewise.core.errors import InputError
from tests.netzoo.factories import squares


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """4 pictures with 3 boxes each."""
    return squares(tmp_path, 4)


def _faults(kind: FaultKind, count: int) -> list[Fault]:
    return [Fault(kind=kind, what=f"{number}.txt", why="wrong") for number in range(count)]


@pytest.mark.parametrize(
    ("kind", "left"), [("picture", 4), ("label", 12), ("class", 12), ("outside", 12)]
)
def test_more_faults_than_are_left_stop(data: Dataset, kind: FaultKind, left: int) -> None:
    demand_most(data, _faults(kind, left))
    with pytest.raises(InputError, match=rf"{left + 1} of its {2 * left + 1} .* 0\.txt: wrong"):
        demand_most(data, _faults(kind, left + 1))


def test_any_number_of_boxes_may_have_no_area(data: Dataset) -> None:
    demand_most(data, _faults("no_area", 1000))


def test_classified_images_have_a_label_each(data: Dataset) -> None:
    crops = crops_of(data)
    demand_most(crops, _faults("label", 12))
    with pytest.raises(InputError, match="13 of its 25 labels"):
        demand_most(crops, _faults("label", 13))


def test_the_first_fault_is_named_where_nothing_is_left() -> None:
    noted = Noted()
    with pytest.raises(InputError, match=r"^It can't be used: it is empty\. Fill it\.$"):  # noqa: SIM117
        with naming_first(noted):
            raise InputError("It can't be used", "it is empty", "Fill it.")
    noted.note("picture", "a.png", "it is cut")
    noted.note("picture", "b.png", "it is cut")
    with pytest.raises(InputError, match=r"empty; 2 faults .* is a\.png: it is cut\. Fill it\.$"):  # noqa: SIM117
        with naming_first(noted):
            raise InputError("It can't be used", "it is empty", "Fill it.")
