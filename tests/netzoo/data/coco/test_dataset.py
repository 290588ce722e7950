from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pycocotools.coco import COCO

from netzoo.data.coco.dataset import AnnotatedImage, Dataset, read_coco, write_coco
from netzoo.data.coco.segments import encode_mask
from sizewise.core.errors import InputError, OutputError

# pycocotools' own decode is not ready for NumPy 2; ours does not use it.
PYCOCOTOOLS_DECODES = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
WriteCoco = Callable[[dict[str, Any]], Path]


def _official(path: Path) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(path)


def test_labels_count_from_0_whatever_the_ids(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    dataset = read_coco(write_json(small_coco))
    assert dataset.classes == ("dog", "cat")
    assert dataset.category_ids == (5, 90)
    first, second = dataset.images
    assert_array_equal(first.labels, [0, 1])
    assert_array_equal(first.boxes, [[4, 6, 14, 18], [30, 20, 35, 25]])
    assert first.boxes.dtype == np.float32
    assert first.labels.dtype == np.int64
    assert second.boxes.shape == (0, 4)
    assert second.mask().sum() == 0


def test_labels_do_not_depend_on_the_order_of_the_categories(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco))
    small_coco["categories"].reverse()
    after = read_coco(write_json(small_coco))
    assert after.classes == before.classes
    assert_array_equal(after.images[0].labels, before.images[0].labels)


def test_crowds_stand_apart(small_coco: dict[str, Any], write_json: WriteCoco) -> None:
    image = read_coco(write_json(small_coco)).images[0]
    assert_array_equal(image.crowd_boxes, [[20.5, 8, 29.5, 17]])
    assert_array_equal(image.crowd_labels, [1])


@PYCOCOTOOLS_DECODES
def test_masks_are_those_of_pycocotools(small_coco: dict[str, Any], write_json: WriteCoco) -> None:
    path = write_json(small_coco)
    official = _official(path)
    for image in read_coco(path).images:
        expected = np.zeros((40, 60), np.uint8)
        for annotation in official.loadAnns(official.getAnnIds(imgIds=[image.id])):
            expected |= official.annToMask(annotation)
        assert_array_equal(image.mask(), expected)


@pytest.mark.parametrize("folder", ["", "images", "elsewhere"])
def test_pictures_lie_beside_in_images_or_where_we_say(
    folder: str, small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    home = path.parent / folder
    if folder:
        home.mkdir()
        shutil.move(path.parent / "a.png", home)
        shutil.move(path.parent / "deep", home)
    dataset = read_coco(path, home if folder == "elsewhere" else None)
    assert [image.path for image in dataset.images] == [home / "a.png", home / "deep/b.png"]
    assert dataset.images[1].read().shape == (40, 60, 3)


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda coco: coco.pop(key)


def _with(kind: str, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda coco: coco[kind][0].update(values)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without("images"), "missing required field `images`"),
        (_without("categories"), "missing required field `categories`"),
        (lambda c: c["images"].clear(), "it lists no images"),
        (lambda c: c["categories"].clear(), "it lists no categories"),
        (_with("images", height="tall"), "Expected `int`, got `str` - at `$.images[0].height`"),
        (_with("images", height=0), "image 7 (a.png) is 0x60 pixels"),
        (_with("images", id=3), "2 images have the id 3"),
        (_with("categories", id=5), "2 categories have the id 5"),
        (_with("categories", name="dog"), "2 categories have the name 'dog'"),
        (_with("annotations", image_id=99), "annotation 11: there is no image with the id 99"),
        (_with("annotations", category_id=1), "annotation 11: there is no category with the id 1"),
        (
            _with("annotations", bbox=[1, 2, -1, 4]),
            "annotation 11: the box [1, 2, -1, 4] has",
        ),
        (_with("annotations", bbox=[1, 2, 3, -4]), "has no width or no height"),
        (_with("annotations", bbox=[500, 2, 3, 4]), "reaches far beyond its image of 40x60 pixels"),
        (_with("annotations", bbox=[1, 2, 1e300, 4]), "reaches far beyond its image"),
        (_with("annotations", bbox=[1, -50, 3, 60]), "reaches far beyond its image"),
        (_with("annotations", bbox=[1, 2, 3]), "annotation 11: its box has 3 numbers, not x, y"),
        (_with("annotations", bbox=[1, 2, 0, 0, 0]), "annotation 11: its box has 5 numbers"),
        (_with("annotations", id=11.5), "Expected `int`, got `float`"),
        (_with("annotations", bbox="none"), "Expected `array | null`, got `str`"),
        (_with("annotations", bbox=[1, 2, float("nan"), 4]), "is no COCO JSON"),
    ],
)
def test_unusable_data_is_refused_with_its_reason(
    spoil: Callable[[dict[str, Any]], object],
    said: str,
    small_coco: dict[str, Any],
    write_json: WriteCoco,
) -> None:
    path = write_json(small_coco)
    spoil(small_coco)
    path.write_text(json.dumps(small_coco))
    with pytest.raises(InputError) as refusal:
        read_coco(path)
    assert said in str(refusal.value)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    "content", [b"", b"not JSON", b"[1, 2]", b"\xff\xfe\x00", b'{"images": 3}', b"[" * 10**5]
)
def test_what_is_no_coco_json_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no COCO JSON"):
        read_coco(path)


def test_a_missing_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_coco(tmp_path / "none.json")


def test_the_first_missing_picture_is_named(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    (path.parent / "deep" / "b.png").unlink()
    with pytest.raises(InputError, match=r"1 of 2 pictures .* the first is deep/b\.png"):
        read_coco(path)


@pytest.mark.parametrize(
    "segmentation",
    [
        [[4, 6, 14, 6]],
        [[4, 6, 14, 6, 14, 18, 4]],
        [[4, 6, 1e9, 6, 14, 18]],
        [[]],
        {"size": [40, 60], "counts": [1000, 200]},
        {"size": [40, 60], "counts": [1000, -200, 1600]},
        {"size": [40, 60], "counts": [2**40]},
        {"size": [60, 40], "counts": [2400]},
        {"size": [40, 60], "counts": ""},
        {"size": [40, 60], "counts": "zz"},
        {"size": [40, 60], "counts": "é"},
        {"size": [40, 60], "counts": "oooooooooooooooooooo0"},
    ],
)
def test_malformed_segmentations_are_refused_before_pycocotools_sees_them(
    segmentation: Any, small_coco: dict[str, Any], write_json: WriteCoco, tmp_path: Path
) -> None:
    small_coco["annotations"][0]["segmentation"] = segmentation
    dataset = read_coco(write_json(small_coco))
    with pytest.raises(InputError, match=r"The segmentations of .*a\.png can't be used"):
        dataset.images[0].mask()
    with pytest.raises(InputError, match=r"The segmentations of .*a\.png can't be used"):
        write_coco(dataset, tmp_path / "copy.json")


def test_boxes_without_segmentations_have_no_mask(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    del small_coco["annotations"][0]["segmentation"]
    small_coco["annotations"][1]["segmentation"] = []
    small_coco["annotations"][2]["segmentation"] = None
    image = read_coco(write_json(small_coco)).images[0]
    with pytest.raises(InputError, match="3 of its annotations have no segmentation"):
        image.mask()


@st.composite
def _images(draw: st.DrawFn, number: int) -> AnnotatedImage:
    count, crowds = draw(st.integers(0, 4)), draw(st.integers(0, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    corners = np.sort(rng.uniform(0, 39, (count + crowds, 2, 2)), axis=1).reshape(-1, 4)
    boxes = np.round(corners).astype(np.float32) + np.array([0, 0, 1, 1], np.float32)
    labels = rng.integers(0, 3, count + crowds)
    masks = rng.random((count + crowds, 40, 60)) < 0.1
    return AnnotatedImage(
        id=number,
        path=Path(f"/pictures/{number}.png"),
        height=40,
        width=60,
        boxes=boxes[:count],
        labels=labels[:count],
        crowd_boxes=boxes[count:],
        crowd_labels=labels[count:],
        segments=tuple(encode_mask(mask) for mask in masks),
    )


@PYCOCOTOOLS_DECODES
@settings(max_examples=30, deadline=None)
@given(
    data=st.data(), category_ids=st.lists(st.integers(0, 99), min_size=3, max_size=3, unique=True)
)
def test_what_is_written_is_read_by_us_and_by_pycocotools(
    data: st.DataObject, category_ids: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("written")
    images = tuple(data.draw(_images(number)) for number in range(1, 4))
    for image in images:
        (folder / image.path.name).touch()
    dataset = Dataset(
        name="written",
        classes=("a", "b", "c"),
        category_ids=tuple(sorted(category_ids)),
        images=tuple(_in(folder, image) for image in images),
        sha256="",
    )
    path = folder / "written.json"
    write_coco(dataset, path)
    official = _official(path)
    back = read_coco(path)
    assert back.classes == dataset.classes
    assert back.category_ids == dataset.category_ids
    for before, after in zip(dataset.images, back.images, strict=True):
        _assert_same(before, after)
        _assert_official(official, before, sorted(category_ids))


def _in(folder: Path, image: AnnotatedImage) -> AnnotatedImage:
    fields = vars(image) | {"path": folder / image.path.name}
    return AnnotatedImage(**fields)


def _assert_same(one: AnnotatedImage, other: AnnotatedImage) -> None:
    for field in ("id", "path", "height", "width", "segments"):
        assert getattr(one, field) == getattr(other, field)
    for field in ("boxes", "labels", "crowd_boxes", "crowd_labels"):
        assert_array_equal(getattr(one, field), getattr(other, field))
    assert_array_equal(one.mask(), other.mask())


def _assert_official(official: Any, image: AnnotatedImage, category_ids: list[int]) -> None:
    found = official.loadAnns(official.getAnnIds(imgIds=[image.id], iscrowd=False))
    assert [a["category_id"] for a in found] == [category_ids[label] for label in image.labels]
    for annotation, box in zip(found, image.boxes.tolist(), strict=True):
        x, y, width, height = annotation["bbox"]
        assert [x, y, x + width, y + height] == pytest.approx(box)
        assert annotation["area"] == official.annToMask(annotation).sum()
    crowds = official.getAnnIds(imgIds=[image.id], iscrowd=True)
    assert len(crowds) == len(image.crowd_boxes)


def test_pictures_outside_the_folder_can_not_be_named(
    small_coco: dict[str, Any], write_json: WriteCoco, tmp_path: Path
) -> None:
    dataset = read_coco(write_json(small_coco))
    with pytest.raises(InputError, match="does not lie in"):
        write_coco(dataset, tmp_path / "copy.json", tmp_path / "deep")


def test_a_folder_that_is_not_there_can_not_be_written(
    small_coco: dict[str, Any], write_json: WriteCoco, tmp_path: Path
) -> None:
    dataset = read_coco(write_json(small_coco))
    with pytest.raises(OutputError, match="can't be written"):
        write_coco(dataset, tmp_path / "none" / "copy.json", tmp_path)
