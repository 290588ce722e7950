from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from exporter.calibration.images import read_calibration
from netzoo.data.coco.dataset import read_coco
from netzoo.data.faults import Noted
from netzoo.data.sources import DatasetEntry
from sizewise.core.errors import InputError, UsageError
from tests.exporter.conftest import Counted

Pixels = NDArray[np.uint8]


def noise(seed: int, height: int = 6, width: int = 9) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Ten pictures, 0.png to 9.png, each of its own seed."""
    for seed in range(10):
        save(tmp_path / "pictures" / f"{seed}.png", noise(seed))
    return tmp_path / "pictures"


def test_pictures_of_all_kinds_are_found_at_any_depth_and_in_order(tmp_path: Path) -> None:
    names = ("b/c/deep.PNG", "a.jpg", "b.JPEG", "d.bmp", "b/e.webp")
    for seed, name in enumerate(names):
        save(tmp_path / name, noise(seed))
    save(tmp_path / ".thumbnails" / "hidden.png", noise(9))
    (tmp_path / "notes.txt").write_text("no picture")
    found = read_calibration(str(tmp_path))
    assert [image.path.relative_to(tmp_path) for image in found.images] == sorted(map(Path, names))
    assert found.name == tmp_path.name


def test_links_to_folders_lead_nowhere(pictures: Path) -> None:
    (pictures / "again").symlink_to(pictures)
    assert len(read_calibration(str(pictures)).images) == 10


def test_a_picture_is_read_as_it_is(pictures: Path) -> None:
    image = read_calibration(str(pictures)).images[3]
    np.testing.assert_array_equal(image.read(), noise(3))


@pytest.mark.parametrize(
    ("limit", "taken"), [(1, [0]), (2, [0, 5]), (4, [0, 2, 5, 7]), (10, range(10)), (99, range(10))]
)
def test_the_limit_takes_them_evenly(pictures: Path, limit: int, taken: list[int]) -> None:
    found = read_calibration(str(pictures), limit=limit)
    assert [image.path.stem for image in found.images] == [str(number) for number in taken]


def test_the_hash_is_of_what_is_seen_and_not_of_names(pictures: Path, tmp_path: Path) -> None:
    known = read_calibration(str(pictures)).sha256
    for number in range(10):
        save(tmp_path / "copies" / f"{number}.bmp", noise(number))
    assert read_calibration(str(tmp_path / "copies")).sha256 == known
    changed = noise(4)
    changed[5, 8, 2] ^= 1
    save(pictures / "4.png", changed)
    assert read_calibration(str(pictures)).sha256 != known


def test_the_same_pixels_in_another_shape_are_another_set(tmp_path: Path) -> None:
    flat = noise(0).reshape(-1, 3)
    hashes = {
        read_calibration(str(save(tmp_path / f"{h}x{w}" / "a.png", flat.reshape(h, w, 3)).parent))
        for h, w in ((6, 9), (9, 6))
    }
    assert len({found.sha256 for found in hashes}) == 2


def test_progress_has_a_step_for_each_picture(pictures: Path) -> None:
    progress = Counted()
    read_calibration(str(pictures), limit=7, progress=progress)
    assert (progress.totals, progress.steps) == ([7], 7)


def write_coco(path: Path, pictures: list[Path]) -> Path:
    """Nothing is annotated."""
    images = [
        {"id": number, "file_name": picture.name, "height": 6, "width": 9}
        for number, picture in enumerate(pictures, start=1)
    ]
    content = {
        "images": images,
        "annotations": [],
        "categories": [{"id": 1, "name": "thing"}],
    }
    path.write_text(json.dumps(content))
    return path


def test_a_coco_json_lends_its_pictures_and_needs_no_annotations(pictures: Path) -> None:
    path = write_coco(pictures / "some.json", [pictures / "7.png", pictures / "1.png"])
    found = read_calibration(str(path))
    assert [image.path.name for image in found.images] == ["7.png", "1.png"]


def test_a_data_set_lends_its_training_pictures(pictures: Path) -> None:
    write_coco(pictures / "train.json", [pictures / "7.png"])
    write_coco(pictures / "val.json", [pictures / "1.png"])
    found = read_calibration(str(pictures))
    assert [image.path.name for image in found.images] == ["7.png"]
    assert found.name == "pictures train"


@pytest.mark.parametrize(
    ("train", "val", "home"),
    [
        ("train/_annotations.coco.json", "valid/_annotations.coco.json", "{}"),  # Roboflow
        ("annotations/instances_train2017.json", "annotations/instances_val2017.json", "{}2017"),
    ],
)
def test_data_sets_of_any_layout_lend_their_training_pictures(
    tmp_path: Path, train: str, val: str, home: str
) -> None:
    for number, (split, name) in enumerate((("train", train), ("valid", val))):
        folder = home.format(split if "_annotations" in name or split == "train" else "val")
        picture = save(tmp_path / folder / f"{number}.png", noise(number))
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_coco(tmp_path / name, [picture])
    found = read_calibration(str(tmp_path))
    assert [image.path.name for image in found.images] == ["0.png"]


MASKS = [
    ("train/images", "train/masks", "val/images", "val/masks"),
    ("images/training", "annotations/training", "images/validation", "annotations/validation"),
    ("img_dir/train", "ann_dir/train", "img_dir/val", "ann_dir/val"),
]


@pytest.mark.parametrize("folders", MASKS)
def test_a_folder_of_masks_lends_its_training_pictures(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    for number, name in enumerate(folders):
        save(tmp_path / name / f"{number // 2}.png", noise(number))
    found = read_calibration(str(tmp_path), images=tmp_path)
    assert [image.path for image in found.images] == [tmp_path / folders[0] / "0.png"]


def test_validation_masks_alone_are_not_taken_for_pictures(tmp_path: Path) -> None:
    for name in ("val/images", "val/masks"):
        save(tmp_path / name / "0.png", noise(0))
    with pytest.raises(InputError, match="has no train data"):
        read_calibration(str(tmp_path))


def test_masks_beside_pictures_are_not_searched(tmp_path: Path) -> None:
    """Of one split alone, say."""
    for number, name in enumerate(("images", "masks", "more/masks")):
        save(tmp_path / name / f"{number}.png", noise(number))
    found = read_calibration(str(tmp_path))
    assert [image.path.stem for image in found.images] == ["0", "2"]


@pytest.mark.parametrize(
    ("train", "val"),
    [("train/cat", "val/cat"), ("images/train", "images/val"), ("train2017", "val2017")],
)
def test_pictures_without_annotations_lend_those_for_training(
    tmp_path: Path, train: str, val: str
) -> None:
    """As classifiers are trained with, and as some tools keep pictures beside their labels."""
    save(tmp_path / train / "0.png", noise(0))
    save(tmp_path / val / "1.png", noise(1))
    found = read_calibration(str(tmp_path))
    assert [image.path.stem for image in found.images] == ["0"]
    assert len(read_calibration(str(tmp_path / val)).images) == 1


def test_a_registered_name_is_known(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_coco(pictures / "some.json", [pictures / "7.png"])
    entry = DatasetEntry(name="made", description="", open=lambda split, _: read_coco(path))
    for module in ("netzoo.data.sources", "exporter.calibration.images"):
        monkeypatch.setattr(f"{module}.datasets", lambda: {"made": entry})
    assert read_calibration("made").images[0].path.name == "7.png"


def test_one_picture_with_something_in_it_is_enough(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    save(tmp_path / "b.png", noise(0))
    assert len(read_calibration(str(tmp_path)).images) == 2


def test_pictures_of_one_colour_each_are_refused(tmp_path: Path) -> None:
    for grey in (0, 114, 255):
        save(tmp_path / f"{grey}.png", np.full((4, 4, 3), grey, np.uint8))
    said = f"on {tmp_path.name}: each of its 3 pictures is a single colour"
    with pytest.raises(InputError, match=said):
        read_calibration(str(tmp_path))


def test_a_source_that_is_nothing_names_what_it_could_be() -> None:
    with pytest.raises(
        InputError, match=r"Calibration pictures not found: nowhere: .*digits.*folder of"
    ):
        read_calibration("nowhere")


def test_a_folder_without_pictures_says_what_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(InputError, match=r"There are no pictures in .*ends in .*\.png"):
        read_calibration(str(tmp_path))


def test_the_validation_data_alone_are_not_taken_for_a_folder_of_pictures(pictures: Path) -> None:
    write_coco(pictures / "val.json", [pictures / "1.png"])
    with pytest.raises(InputError, match=r"has no train data: train\.json is missing"):
        read_calibration(str(pictures))


def test_a_picture_that_is_none_is_named(pictures: Path) -> None:
    (pictures / "5.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"The picture .*5\.png can't be decoded: it is none of"):
        read_calibration(str(pictures))


def test_others_take_the_places_of_pictures_that_cannot_be_read(pictures: Path) -> None:
    """As many as were taken are found again by that number, as ``explain`` needs it."""
    for broken in (2, 5):
        (pictures / f"{broken}.png").write_bytes(b"no picture")
    for limit, taken in ((4, "0167"), (8, "01346789"), (99, "01346789")):
        noted = Noted()
        found = read_calibration(str(pictures), limit=limit, faults=noted)
        assert "".join(image.path.stem for image in found.images) == taken
        assert [fault.kind for fault in noted.found] == ["picture"] * 2
        again = read_calibration(str(pictures), limit=len(found.images), faults=Noted())
        assert again.sha256 == found.sha256


def test_most_of_the_pictures_can_be_read_or_none_is_used(pictures: Path) -> None:
    for broken in range(6):
        (pictures / f"{broken}.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"6 of its 10 pictures can't be\. The first is .*0\.png"):
        read_calibration(str(pictures), faults=Noted())


def test_a_picture_that_vanished_since_is_named(pictures: Path) -> None:
    found = read_calibration(str(pictures))
    (pictures / "5.png").unlink()
    with pytest.raises(InputError, match=r"5\.png can't be decoded: No such file"):
        found.images[5].read()


@pytest.mark.parametrize("limit", [0, -3])
def test_at_least_one_picture_is_asked_for(pictures: Path, limit: int) -> None:
    with pytest.raises(UsageError, match=f"calibrated on {limit} pictures: at least one"):
        read_calibration(str(pictures), limit=limit)


@pytest.mark.parametrize("name", ["some.json", "annotations/instances_train2017.json"])
def test_pictures_may_lie_apart_from_their_json(pictures: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "notes" / name
    path.parent.mkdir(parents=True)
    write_coco(path, [pictures / "7.png"])
    source = path if name == "some.json" else tmp_path / "notes"
    found = read_calibration(str(source), images=pictures)
    assert [image.path for image in found.images] == [pictures / "7.png"]
    assert len(read_calibration(str(pictures), images=tmp_path).images) == 10
