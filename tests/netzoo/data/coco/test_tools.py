"""Data sets with all that Roboflow, CVAT and Label Studio write beside the format.

The forms are those of exports in public repositories and of the reports that are named below; the
content is our own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netzoo.data.coco.dataset import Dataset
from netzoo.data.sources import open_dataset

HEIGHT, WIDTH = 30, 40
BOXES: tuple[list[float], ...] = ([1.5, 2, 10, 12.25], [20, 4, 8, 9], [0, 0, 40, 30])
"""The first two are in the first picture, the third in the second."""
OF_PICTURE = (0, 0, 1)


def put(path: Path, content: dict[str, Any], pictures: Sequence[Path]) -> None:
    for picture in pictures:
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def annotated(first: int, classes: Sequence[int], **more: Any) -> list[dict[str, Any]]:
    return [
        {
            **{"id": first + number, "image_id": first + picture, "category_id": classes[number]},
            **{"bbox": box, "area": box[2] * box[3], "iscrowd": 0, "segmentation": []},
            **more,
        }
        for number, (picture, box) in enumerate(zip(OF_PICTURE, BOXES, strict=True))
    ]


def expect(found: Dataset, classes: tuple[str, ...], labels: tuple[int, ...]) -> None:
    assert found.classes == classes
    assert [label for one in found.images for label in one.labels] == list(labels)
    corners = np.array(BOXES)
    corners[:, 2:] += corners[:, :2]
    np.testing.assert_array_equal(np.concatenate([one.boxes for one in found.images]), corners)
    for image in found.images:
        assert image.read().shape == (HEIGHT, WIDTH, 3)


def test_roboflow(tmp_path: Path) -> None:
    """A root of all classes with the number 0, and the name before the picture was renamed."""
    names = ("one_jpg.rf.0af3.jpg", "two_jpg.rf.77c1.jpg")
    images = [
        {
            **{"id": number, "license": 1, "file_name": name, "height": HEIGHT, "width": WIDTH},
            **{"date_captured": "2024-05-01T10:00:00+00:00", "extra": {"name": f"{number}.jpg"}},
        }
        for number, name in enumerate(names)
    ]
    content = {
        "info": {
            **{"year": "2024", "version": "1", "description": "Exported from roboflow.com"},
            **{"contributor": "", "url": "https://example.org", "date_created": "2024-05-01"},
        },
        "licenses": [{"id": 1, "url": "https://example.org", "name": "CC BY 4.0"}],
        "categories": [
            {"id": 0, "name": "animals", "supercategory": "none"},
            {"id": 1, "name": "cat", "supercategory": "animals"},
            {"id": 2, "name": "dog", "supercategory": "animals"},
        ],
        "images": images,
        "annotations": annotated(0, (2, 1, 2)),
    }
    for split in ("train", "valid", "test"):
        folder = tmp_path / split
        put(folder / "_annotations.coco.json", content, [folder / name for name in names])
    for split in ("train", "val"):
        found = open_dataset(str(tmp_path), split)  # type: ignore[arg-type]
        expect(found, ("cat", "dog"), (1, 0, 1))
        assert found.images[0].path.parent.name[:3] == split[:3]
        (remark,) = found.remarks
        assert remark.startswith("Category 0 (animals) has no annotations and stands above all")


def cvat(rotation: float) -> dict[str, Any]:
    return {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {
            **{"contributor": "", "date_created": "", "description": "", "url": ""},
            **{"version": "", "year": ""},
        },
        "categories": [
            {"id": 1, "name": "cat", "supercategory": ""},
            {"id": 2, "name": "dog", "supercategory": ""},
        ],
        "images": [
            {
                **{"id": number, "width": WIDTH, "height": HEIGHT, "file_name": name},
                **{"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0},
            }
            for number, name in ((1, "frame_000000.PNG"), (2, "cam 2/frame_000001.PNG"))
        ],
        "annotations": annotated(
            1, (2, 1, 2), attributes={"occluded": False, "rotation": rotation, "colour": "red"}
        ),
    }


def test_cvat(tmp_path: Path) -> None:
    """A task: one file for both splits, with attributes of boxes and pictures in a subset."""
    images = tmp_path / "images" / "default"
    pictures = [images / "frame_000000.PNG", images / "cam 2" / "frame_000001.PNG"]
    put(tmp_path / "annotations" / "instances_default.json", cvat(0.0), pictures)
    found = open_dataset(str(tmp_path), "val")
    expect(found, ("cat", "dog"), (1, 0, 1))
    assert not any("turned" in one for one in found.remarks)


@pytest.mark.parametrize(("rotation", "turned"), [(0.0, 0), (180, 0), (-33.7, 3), (90.0, 3)])
def test_boxes_that_cvat_turned_are_counted(tmp_path: Path, rotation: float, turned: int) -> None:
    """It writes the box before its turn, and the angle beside it (cvat#4745, #5881, #6785)."""
    pictures = [tmp_path / "frame_000000.PNG", tmp_path / "cam 2" / "frame_000001.PNG"]
    put(tmp_path / "all.json", cvat(rotation), pictures)
    found = open_dataset(str(tmp_path / "all.json"), "val")
    said = [one for one in found.remarks if "turned (attributes.rotation" in one]
    assert [one.partition(" are")[0] for one in said] == ["3 boxes of 3"][: bool(turned)]
    expect(found, ("cat", "dog"), (1, 0, 1))
    plain = cvat(rotation)
    for one in plain["annotations"]:
        del one["attributes"]
    put(tmp_path / "plain.json", plain, ())
    assert open_dataset(str(tmp_path / "plain.json"), "val").sha256 == found.sha256


@pytest.mark.parametrize("attributes", [None, [], "rotation", {"rotation": "90"}, 7])
def test_attributes_of_other_tools_are_free(tmp_path: Path, attributes: Any) -> None:
    content = cvat(0.0)
    for one in content["annotations"]:
        one["attributes"] = attributes
    pictures = [tmp_path / "frame_000000.PNG", tmp_path / "cam 2" / "frame_000001.PNG"]
    put(tmp_path / "all.json", content, pictures)
    expect(open_dataset(str(tmp_path / "all.json"), "val"), ("cat", "dog"), (1, 0, 1))


@pytest.mark.parametrize(
    "name",
    [
        "images/{}",
        "images\\{}",
        "..\\..\\label-studio\\media\\upload\\4\\{}",  # label-studio#7294
        "../../label-studio/data/media/upload/4/{}",
        "/data/upload/4/{}",
        "/data/local-files/?d=cats/{}",  # label-studio#4903
        "data/local-files/?d={}",
        "http://localhost:8080/data/local-files/?d={}",
    ],
)
def test_label_studio(tmp_path: Path, name: str) -> None:
    """Numbers from 0, no class above others, and names of the place where it kept the pictures."""
    names = ("23082be9-one 1.jpg", "bc267355-two.jpg")
    shown = [one.replace(" ", "%20") if "?d=" in name else one for one in names]
    content = {
        "images": [
            {"width": WIDTH, "height": HEIGHT, "id": number, "file_name": name.format(one)}
            for number, one in enumerate(shown)
        ],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": annotated(0, (1, 0, 1), ignore=0),
        "info": {
            **{"year": 2024, "version": "1.0", "description": "", "contributor": "Label Studio"},
            **{"url": "", "date_created": "2024-05-01 15:31:46.280794"},
        },
    }
    put(tmp_path / "result.json", content, [tmp_path / "images" / one for one in names])
    found = open_dataset(str(tmp_path), "val")
    expect(found, ("cat", "dog"), (1, 0, 1))
    assert [image.path.name for image in found.images] == list(names)
