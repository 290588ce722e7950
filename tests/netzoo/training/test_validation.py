"""All validations of a training read the same pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netzoo.data.coco.dataset import Dataset
from netzoo.training.average import RunningMean
from netzoo.training.validation import Validation
from sizewise.core.errors import InputError
from sizewise.core.specs import Size
from tests.netzoo.factories import narrow_detector, squares


def _validation(data: Dataset, *, skips: bool = True) -> Validation:
    return Validation(data=data, size=Size(64, 64), every=1, skips=skips)


def _look(validation: Validation, step: int) -> None:
    network = narrow_detector()
    validation.look(step, network, RunningMean(network, 0.9))


def _as_it_is(validation: Validation) -> Validation:
    return validation


def _resumed(validation: Validation) -> Validation:
    found = _validation(validation.data)  # type: ignore[arg-type]
    found.restore(validation.state(), validation.left_out)
    return found


@pytest.mark.parametrize("later", [_as_it_is, _resumed])
def test_a_picture_that_is_repaired_between_two_stops_the_training(
    tmp_path: Path, later: Callable[[Validation], Validation]
) -> None:
    data = squares(tmp_path, 3)
    path = data.images[1].path
    content = path.read_bytes()
    path.write_bytes(b"no picture")
    validation = _validation(data)
    _look(validation, 1)
    (fault,) = validation.without
    assert fault.what == f"The picture {path} can't be decoded"
    validation = later(validation)
    _look(validation, 2)
    assert sorted(validation.scores) == [1, 2]
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is not what it was at the validation after step 2"):
        _look(validation, 3)
    assert sorted(validation.scores) == [1, 2]


def test_one_that_skips_nothing_stops_at_the_picture(tmp_path: Path) -> None:
    data = squares(tmp_path, 3)
    data.images[1].path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1\.png can't be decoded"):
        _look(_validation(data, skips=False), 1)
