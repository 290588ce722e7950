from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netzoo.data.coco.dataset import Dataset
from netzoo.data.sources import open_dataset
from sizewise.core.errors import InputError
from tests.netzoo.data.boxes.layouts import write_voc
from tests.netzoo.factories import squares


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 5)


def test_boxes_are_those_that_were_written(tmp_path: Path, data: Dataset) -> None:
    folder = write_voc(tmp_path / "voc", train=data, val=data)
    found = open_dataset(str(folder), "train", boxes=True)
    assert found.classes == tuple(sorted(data.classes))
    for ours, theirs in zip(found.images, data.images, strict=True):
        assert np.array_equal(ours.boxes, theirs.boxes)
        names = [found.classes[label] for label in ours.labels]
        assert names == [data.classes[label] for label in theirs.labels]
        assert np.array_equal(ours.read(), theirs.read())
    assert open_dataset(str(folder), "val", boxes=True).name == "voc val"


def test_labels_do_not_depend_on_the_classes_of_a_split(tmp_path: Path, data: Dataset) -> None:
    folder = write_voc(tmp_path / "voc", train=data, val=data)
    for xml in (folder / "Annotations").glob("val*.xml"):
        text = xml.read_text("utf-8")
        xml.write_text(text.replace("<name>blue</name>", "<name>red</name>"), "utf-8")
    assert open_dataset(str(folder), "val").classes == ("blue", "red")
    (folder / "classes.txt").write_text("red\nblue\n", encoding="utf-8")
    assert open_dataset(str(folder), "val").classes == ("red", "blue")


def test_what_is_difficult_is_not_counted(tmp_path: Path, data: Dataset) -> None:
    folder = write_voc(tmp_path / "voc", train=data)
    xml = folder / "Annotations" / "train0.xml"
    text = xml.read_text("utf-8")
    xml.write_text(text.replace("<difficult>0", "<difficult>1", 1), "utf-8")
    image = open_dataset(str(folder), "train").images[0]
    assert len(image.boxes) == len(data.images[0].boxes) - 1
    assert np.array_equal(image.crowd_boxes[0], data.images[0].boxes[0])


def test_pictures_beside_their_files_are_found(tmp_path: Path, data: Dataset) -> None:
    """As Roboflow writes VOC: train/NAME.jpg and train/NAME.xml."""
    made = write_voc(tmp_path / "voc", train=data)
    folder = tmp_path / "flat" / "train"
    folder.mkdir(parents=True)
    for path in (*made.glob("Annotations/*"), *made.glob("JPEGImages/*")):
        path.rename(folder / path.name)
    found = open_dataset(str(folder.parent), "train")
    assert [len(image.boxes) for image in found.images] == [len(i.boxes) for i in data.images]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<annotation>", "<annotation", "no XML"),
        ("<xmin>", "<xmin>x", "bndbox/xmin"),
        ("<width>", "<width>-", "pixels"),
        ("<name>", "<name></name><was>", "no XML"),
        ("<filename>", "<filename>gone", ""),
        (
            "<annotation>",
            '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><annotation>',
            "no XML",
        ),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, data: Dataset, old: str, new: str, said: str
) -> None:
    folder = write_voc(tmp_path / "voc", train=data)
    xml = folder / "Annotations" / "train2.xml"
    xml.write_text(xml.read_text("utf-8").replace(old, new, 1), "utf-8")
    if not said:  # found by the XML's own name
        assert len(open_dataset(str(folder), "train").images) == 5
        return
    with pytest.raises(InputError, match=said):
        open_dataset(str(folder), "train")


def test_a_file_that_a_list_names_and_that_is_not_there_is_named_once(
    tmp_path: Path, data: Dataset
) -> None:
    folder = write_voc(tmp_path / "voc", train=data)
    xml = folder / "Annotations" / "train1.xml"
    xml.unlink()
    with pytest.raises(InputError) as caught:
        open_dataset(str(folder), "train")
    assert str(caught.value).count(str(xml)) == 1
    assert "Errno" not in str(caught.value)


def test_a_picture_that_is_not_there_is_named(tmp_path: Path, data: Dataset) -> None:
    folder = write_voc(tmp_path / "voc", train=data)
    (folder / "JPEGImages" / "train1.png").unlink()
    with pytest.raises(InputError, match=r"The picture of .*train1\.xml is missing"):
        open_dataset(str(folder), "train")
