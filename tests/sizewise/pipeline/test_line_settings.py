"""A file for ``sizewise run`` whose pictures lie apart from their annotations."""

from __future__ import annotations

from pathlib import Path

import pytest

from sizewise.core.errors import UsageError
from sizewise.pipeline.config import LineSettings, read_line

FILE = """
out = "runs"
data = "notes"
{top}
[train]
network = "yolov3-tiny"
[export]
precision = ["int8"]
calibrate = "{calibrate}"
{limit}
[bench]
{bench}
"""


def line(
    folder: Path, *, top: str = "", calibrate: str = "plain", limit: str = "", bench: str = ""
) -> LineSettings:
    path = folder / "line.toml"
    text = FILE.format(top=top, calibrate=calibrate, limit=limit, bench=bench)
    path.write_text(text, encoding="utf-8")
    return read_line(path)


def test_the_folder_goes_wherever_the_data_go(tmp_path: Path) -> None:
    found = line(
        tmp_path, top='images = "pictures"', limit="max_loss_points = 1", bench="images = 7"
    )
    assert found.images == Path("pictures")
    assert (found.precisions.data, found.precisions.images) == ("notes", Path("pictures"))
    plan = found.sweep.accuracy
    assert (plan.data, plan.folder, plan.images) == ("notes", Path("pictures"), 7)


def test_calibration_takes_it_for_the_same_annotations_alone(tmp_path: Path) -> None:
    top = 'images = "pictures"'
    assert line(tmp_path, top=top).precisions.images is None
    assert line(tmp_path, top=top, calibrate="notes").precisions.images == Path("pictures")


def test_other_data_of_a_sweep_have_a_folder_of_their_own(tmp_path: Path) -> None:
    plan = line(tmp_path, top='images = "pictures"', bench='data = "digits"').sweep.accuracy
    assert (plan.data, plan.folder) == ("digits", None)
    assert line(tmp_path).sweep.accuracy.folder is None


def test_a_folder_beside_nothing_is_refused(tmp_path: Path) -> None:
    found = line(tmp_path, calibrate="", bench='images = "x"')
    assert found.sweep.accuracy.folder == Path("x")
    with pytest.raises(UsageError, match=r"bench\.images and bench\.image_count|both be numbers"):
        _ = line(tmp_path, bench="images = 3\nimage_count = 4").sweep.accuracy
