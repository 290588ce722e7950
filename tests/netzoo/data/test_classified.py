from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.choosing import chosen
from netzoo.data.classified import ClassifiedImage, crops_of, open_classified
from netzoo.data.coco.dataset import write_coco
from sizewise.core.errors import InputError, UsageError
from tests.netzoo.factories import CLASSES, squares

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)


def write(path: Path, pixels: NDArray[np.uint8] = PIXELS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two cats and a dog to train with, a dog and a cow to validate."""
    for name in ("train/cat/a.png", "train/cat/b.JPG", "train/dog/a.png"):
        write(tmp_path / "pets" / name)
    for name in ("val/dog/c.png", "val/cow/c.png"):
        write(tmp_path / "pets" / name)
    return tmp_path / "pets"


def test_a_label_means_the_same_in_both_splits(folder: Path) -> None:
    train, val = (open_classified(str(folder), split) for split in ("train", "val"))
    assert train.classes == val.classes == ("cat", "cow", "dog")
    assert [i.path.name for i in train.images] == ["a.png", "b.JPG", "a.png"]
    assert [i.label for i in train.images] == [0, 0, 2]
    assert [train.classes[i.label] for i in val.images] == ["cow", "dog"]
    assert (train.name, val.name) == ("pets train", "pets val")


def test_what_is_no_picture_is_left_alone(folder: Path) -> None:
    (folder / "train" / "cat" / "notes.txt").write_text("not a cat")
    (folder / "train" / "readme.md").write_text("not a class")
    (folder / "train" / ".cache").mkdir()
    train = open_classified(str(folder), "train")
    assert train.classes == ("cat", "cow", "dog")
    assert len(train.images) == 3


def test_a_set_is_known_by_its_pictures_and_classes_wherever_it_lies(folder: Path) -> None:
    def known() -> str:
        return open_classified(str(folder), "train").sha256

    first = known()
    moved = shutil.copytree(folder, folder.parent / "elsewhere")
    assert open_classified(str(moved), "train").sha256 == first
    assert open_classified(str(folder), "val").sha256 != first
    write(folder / "train" / "dog" / "a.png", PIXELS[::-1])
    second = known()
    (folder / "train" / "dog").rename(folder / "train" / "wolf")
    assert len({first, second, known()}) == 3


def test_a_split_without_pictures_is_refused(folder: Path) -> None:
    shutil.rmtree(folder / "val")
    assert len(open_classified(str(folder), "train").images) == 3
    with pytest.raises(InputError, match="pets has no val data"):
        open_classified(str(folder), "val")


def test_what_is_no_data_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data set 'nothing'"):
        open_classified("nothing", "train")
    with pytest.raises(InputError, match="has no train data"):
        open_classified(str(tmp_path), "train")


def test_the_boxes_of_a_detection_set_are_images(tmp_path: Path) -> None:
    """Each is all of its own colour, as the boxes are."""
    data = squares(tmp_path / "squares", 3)
    write_coco(data, tmp_path / "squares" / "train.json")
    found = open_classified(str(tmp_path / "squares"), "train")
    boxes = [box for image in data.images for box in image.boxes.tolist()]
    assert found.classes == CLASSES
    assert [list(image.box or ()) for image in found.images] == boxes
    for image, (x0, y0, x1, y1) in zip(found.images, boxes, strict=True):
        picture = image.read()
        assert picture.shape == (y1 - y0, x1 - x0, 3)
        assert np.median(picture[..., 0]) > 200 or CLASSES[image.label] == "blue"
        assert np.median(picture[..., 2]) > 200 or CLASSES[image.label] == "red"


@pytest.mark.parametrize("box", [(40, 5, 55, 15), (10, 5, 25, 15)])
@pytest.mark.parametrize("orientation", [6, 8])
def test_a_box_of_a_picture_as_stored_is_cut_out_of_it_as_stored(
    tmp_path: Path, box: tuple[int, int, int, int], orientation: int
) -> None:
    """The second box lies in the upright picture, too, where nothing is in it."""
    x0, y0, x1, y1 = box
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[y0:y1, x0:x1, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": 40, "width": 60}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        ],
        "categories": [{"id": 1, "name": "red"}],
    }
    (tmp_path / "val.json").write_text(json.dumps(content))
    (image,) = open_classified(str(tmp_path), "val").images
    cut = image.read()
    assert cut.shape == (10, 15, 3)
    assert (cut == (255, 0, 0)).all()


def test_a_picture_of_another_size_than_its_boxes_is_refused(tmp_path: Path) -> None:
    data = squares(tmp_path, 1)
    (image,) = data.images
    crops = crops_of(replace(data, images=(replace(image, height=image.height + 1),)))
    with pytest.raises(InputError, match="not what its annotations are for"):
        crops.images[0].read()


def test_boxes_without_extent_are_no_images(tmp_path: Path) -> None:
    data = squares(tmp_path, 1)
    (image,) = data.images
    flat = image.boxes.copy()
    flat[1, 2] = flat[1, 0]
    crops = crops_of(replace(data, images=(replace(image, boxes=flat),)))
    assert len(crops.images) == len(image.boxes) - 1
    assert crops.sha256 == data.sha256


def test_a_box_is_cut_out_with_every_pixel_it_touches(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write(path)
    cut = ClassifiedImage(path=path, label=0, box=(1.2, -3.0, 4.7, 5.01)).read()
    np.testing.assert_array_equal(cut, PIXELS[0:6, 1:5])
    np.testing.assert_array_equal(ClassifiedImage(path=path, label=0).read(), PIXELS)


@pytest.mark.parametrize("box", [(12, 0, 20, 8), (-5, -5, -1, -1), (0, 9, 5, 12)])
def test_a_box_beside_the_picture_is_refused(
    tmp_path: Path, box: tuple[float, float, float, float]
) -> None:
    path = tmp_path / "a.png"
    write(path)
    with pytest.raises(InputError, match="12 pixels wide and 8 high"):
        ClassifiedImage(path=path, label=0, box=box).read()


def test_a_broken_picture_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png can't be decoded"):
        ClassifiedImage(path=path, label=0).read()


def test_a_folder_for_each_class_holds_its_pictures(folder: Path) -> None:
    with pytest.raises(UsageError, match="images can't be given for"):
        open_classified(str(folder), "val", images=folder)


def test_some_images_of_a_set_are_chosen_by_their_names(folder: Path) -> None:
    whole = open_classified(str(folder), "train")
    some = chosen(whole, 2)
    assert (len(some.images), some.chosen, some.sha256) == (2, "2 of 3", whole.sha256)
    assert set(some.images) <= set(whole.images)
    moved = shutil.copytree(folder, folder.parent / "elsewhere")
    again = chosen(open_classified(str(moved), "train"), 2)
    assert [i.path.relative_to(moved) for i in again.images] == [
        i.path.relative_to(folder) for i in some.images
    ]


@pytest.mark.parametrize("name", [b"train/\xff/a.png", b"train/cat/\xff.png"])
def test_names_that_are_no_text_are_refused(folder: Path, name: bytes) -> None:
    """They would be names of classes, or count in what data are known by."""
    write(Path(os.fsdecode(os.fsencode(folder) + b"/" + name)))
    with pytest.raises(InputError, match="no text"):
        open_classified(str(folder), "train")


def test_a_folder_whose_path_is_no_text_is_refused(folder: Path) -> None:
    odd = folder.rename(os.fsdecode(os.fsencode(folder.parent) + b"/\xff"))
    link = folder.with_name("link")
    link.symlink_to(odd)
    for path in (odd, link):
        with pytest.raises(InputError, match="no text"):
            open_classified(str(path), "train")
