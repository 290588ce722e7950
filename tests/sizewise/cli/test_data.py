"""``sizewise data check``: the same of every layout, and each fault and doubt by its name."""

from __future__ import annotations

import json
import shlex
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netzoo.data.coco.dataset import Dataset, write_coco
from tests.netzoo.data.boxes.layouts import write_voc, write_yolo
from tests.netzoo.factories import CLASSES, annotated, squares
from tests.sizewise.cli.conftest import Cli, Said

LAYOUTS = ("coco", "voc", "yolo")


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 6)


def written(folder: Path, layout: str, **splits: Dataset) -> Path:
    """``splits`` in a layout."""
    if layout == "voc":
        return write_voc(folder, **splits)
    if layout == "yolo":
        return write_yolo(folder, **splits)
    folder.mkdir()
    for split, data in splits.items():
        images = []
        for image in data.images:
            path = folder / f"{split}-{image.path.name}"
            shutil.copy(image.path, path)
            images.append(replace(image, path=path))
        write_coco(replace(data, images=tuple(images)), folder / f"{split}.json")
    return folder


def parts(said: Said, code: int = 0) -> list[dict[str, Any]]:
    assert said.code == code, said
    found: list[dict[str, Any]] = json.loads(said.out)["parts"]
    return found


def test_pictures_without_any_box_are_not_to_be_trained_on(
    cli: Cli, tmp_path: Path, data: Dataset
) -> None:
    none = np.empty((0, 4), np.float32)
    bare = [
        replace(image, boxes=none, labels=np.empty(0, np.int64), segments=())
        for image in data.images[:2]
    ]
    folder = written(tmp_path / "yolo", "yolo", train=replace(data, images=tuple(bare)))
    said = cli("data", "check", folder, "--pictures", 0, "--out", tmp_path / "out")
    assert said.code == 0, said
    assert "Next: label the pictures of yolo train" in said.err


@pytest.mark.parametrize("layout", LAYOUTS)
def test_counts_are_those_of_what_was_written(
    cli: Cli, tmp_path: Path, data: Dataset, layout: str
) -> None:
    few = replace(data, images=data.images[:2])
    folder = written(tmp_path / layout, layout, train=data, val=few)
    call = ("data", "check", folder, "--out", tmp_path / "out")
    train, val = parts(cli(*call, "--json"))
    for part, of in ((train, data), (val, few)):
        assert part["kind"] == "boxes"
        assert part["pictures"] == len(of.images)
        assert part["objects"] == 3 * len(of.images)
        assert part["sizes"] == {"96x128": len(of.images)}
        labels = Counter(CLASSES[label] for image in of.images for label in image.labels)
        assert part["classes"] == {name: labels[name] for name in CLASSES}
        sides = np.concatenate([i.boxes[:, 2:] - i.boxes[:, :2] for i in of.images]).astype(int)
        small = int((sides.prod(1) < 32**2).sum())
        assert part["areas"] == {"small": small, "medium": len(sides) - small, "large": 0}
        assert part["skipped"] == []
        assert Path(part["sheet"]).parent == tmp_path / "out"
    # The second part has pictures of the first, and nothing else is doubtful.
    assert train["doubtful"] == []
    assert [one["kind"] for one in val["doubtful"]] == ["in_both", "in_both"]
    said = cli(*call)
    assert said.code == 0, said
    assert "pictures that are in both parts" in said.out
    assert f"Next: sizewise train yolov4-tiny --data {shlex.quote(str(folder))}" in said.err


Break = Callable[[Path], None]


def _coco(change: Callable[[dict[str, Any]], None]) -> Break:
    def apply(folder: Path) -> None:
        path = folder / "train.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


def _first_box(box: list[float]) -> Break:
    return _coco(lambda content: content["annotations"][0].update(bbox=box))


def _text(old: str, new: str, path: str) -> Break:
    def apply(folder: Path) -> None:
        file = folder / path
        file.write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")

    return apply


def _line(line: str) -> Break:
    def apply(folder: Path) -> None:
        file = folder / "labels" / "train" / "0.txt"
        file.write_text(f"{file.read_text('utf-8')}\n{line}\n", "utf-8")

    return apply


def _cut(path: str) -> Break:
    def apply(folder: Path) -> None:
        (folder / path).write_bytes((folder / path).read_bytes()[:500])

    return apply


def _bytes(path: str, content: bytes) -> Break:
    def apply(folder: Path) -> None:
        (folder / path).write_bytes(content)

    return apply


def _remove(path: str) -> Break:
    return lambda folder: (folder / path).unlink()


XML = "Annotations/train0.xml"
FAULTS: dict[str, tuple[str, Break, str, int]] = {
    "coco-class": (
        "coco",
        _coco(lambda content: content["annotations"][0].update(category_id=9)),
        "class",
        17,
    ),
    "coco-image": (
        "coco",
        _coco(lambda content: content["annotations"][0].update(image_id=99)),
        "label",
        17,
    ),
    "coco-flat": ("coco", _first_box([1, 1, 0, 9]), "no_area", 17),
    "coco-negative": ("coco", _first_box([1, 1, -5, 9]), "no_area", 17),
    "coco-beside": ("coco", _first_box([130, 1, 5, 9]), "outside", 17),
    "coco-far": ("coco", _first_box([1, 1, 5000, 9]), "outside", 17),
    "coco-numbers": ("coco", _first_box([1, 1, 5]), "label", 17),
    "coco-missing": ("coco", _remove("train-0.png"), "picture", 15),
    "coco-cut": ("coco", _cut("train-0.png"), "picture", 15),
    "coco-size": (
        "coco",
        _coco(lambda content: content["images"][0].update(height=95)),
        "picture",
        15,
    ),
    "coco-no-size": (
        "coco",
        _coco(lambda content: content["images"][0].update(height=0)),
        "picture",
        15,
    ),
    "voc-xml": ("voc", _text("<annotation>", "<annotation", XML), "label", 15),
    "voc-number": ("voc", _text("<xmin>", "<xmin>x", XML), "label", 17),
    "voc-name": ("voc", _text("<name>", "<name></name><was>x</was><name>", XML), "class", 17),
    "voc-no-xml": ("voc", _remove(XML), "label", 15),
    "voc-missing": ("voc", _remove("JPEGImages/train0.png"), "picture", 15),
    "voc-cut": ("voc", _cut("JPEGImages/train0.png"), "picture", 15),
    "yolo-class": ("yolo", _line("2 0.5 0.5 0.1 0.1"), "class", 18),
    "yolo-word": ("yolo", _line("red 0.5 0.5 0.1 0.1"), "label", 18),
    "yolo-numbers": ("yolo", _line("0 0.5 0.5 0.1"), "label", 18),
    "yolo-flat": ("yolo", _line("0 0.5 0.5 0.1 0"), "no_area", 18),
    "yolo-outside": ("yolo", _line("0 1.5 0.5 0.1 0.1"), "outside", 18),
    "yolo-bytes": (
        "yolo",
        _bytes("labels/train/0.txt", b"\xff\xfe\xff"),
        "label",
        15,
    ),
    "yolo-empty": (
        "yolo",
        _bytes("images/train/0.png", b""),
        "picture",
        15,
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_named_skipped_and_counted(
    cli: Cli, tmp_path: Path, data: Dataset, case: str
) -> None:
    layout, broken, kind, left = FAULTS[case]
    folder = written(tmp_path / layout, layout, train=data)
    broken(folder)
    call = ("data", "check", folder, "--out", tmp_path / "out")
    (part,) = parts(cli(*call, "--json"), code=3)
    (fault,) = part["skipped"]
    assert fault["kind"] == kind
    said = fault["what"] + fault["why"]
    assert "0" in said or "annotation 1:" in said
    assert part["objects"] == left
    shown = cli(*call)
    assert shown.code == 3
    assert f"Skipped: {fault['what']}" in shown.err
    strict = cli(*call, "--strict")
    assert strict.code == 1
    last = strict.err.strip().splitlines()[-1]
    assert last.startswith("sizewise: ")
    assert fault["why"] in last


@pytest.mark.parametrize(
    ("layout", "broken", "said"),
    [
        ("yolo", _line("\n0 0.5 0.5 0.1 0"), "line 5 of {}/labels/train/0.txt: the box"),
        ("yolo", _line("\n0 1.5 0.5 0.1 0.1"), "line 5 of {}/labels/train/0.txt: the box"),
        ("yolo", _line("\n0 0.5 0.5 90 90"), "line 5 of {}/labels/train/0.txt: the box"),
        ("voc", _text("<xmax>", "<xmax>-", XML), "object 1 ({class}) of {}/" + XML + ": the box"),
    ],
)
def test_a_box_is_named_by_its_place_in_the_file(
    cli: Cli, tmp_path: Path, data: Dataset, *, layout: str, broken: Break, said: str
) -> None:
    """Blank lines count, as they do in an editor."""
    folder = written(tmp_path / layout, layout, train=data)
    broken(folder)
    expected = said.replace("{}", str(folder))
    expected = expected.replace("{class}", CLASSES[data.images[0].labels[0]])
    call = ("data", "check", folder, "--out", tmp_path / "out")
    (part,) = parts(cli(*call, "--json"), code=3)
    assert part["skipped"][0]["why"].startswith(expected)
    assert expected in cli(*call, "--strict").err


def test_skipped_boxes_are_counted_once(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    folder = written(tmp_path / "coco", "coco", train=data)

    def flat(content: dict[str, Any]) -> None:
        for annotation, box in zip(
            content["annotations"], ([1, 1, 0, 9], [1, 1, -5, 9]), strict=False
        ):
            annotation["bbox"] = box

    _coco(flat)(folder)
    said = cli("data", "check", folder, "--out", tmp_path / "out")
    (row,) = (line for line in said.out.splitlines() if "without width or height" in line)
    assert "2" in row
    assert "left out" not in said.err


def test_a_name_that_leads_out_is_one_skipped_picture(
    cli: Cli, tmp_path: Path, data: Dataset
) -> None:
    folder = written(tmp_path / "coco", "coco", train=data)
    shutil.copy(data.images[0].path, tmp_path / "outside.png")
    _coco(lambda content: content["images"][0].update(file_name="../outside.png"))(folder)
    call = ("data", "check", folder, "--out", tmp_path / "out")
    (part,) = parts(cli(*call, "--json"), code=3)
    (fault,) = part["skipped"]
    assert (fault["kind"], fault["what"]) == ("picture", "../outside.png")
    assert fault["why"] == f"its file_name leads out of the data set's folder {folder}"
    assert (part["pictures"], part["objects"]) == (5, 15)
    strict = cli(*call, "--strict")
    assert strict.code == 1
    assert "../outside.png" in strict.err


def test_a_folder_with_one_json_of_another_name_is_read(
    cli: Cli, tmp_path: Path, data: Dataset
) -> None:
    folder = written(tmp_path / "coco", "coco", train=data)
    (folder / "train.json").rename(folder / "labels_v3 (final).json")
    (folder / "settings.json").write_text('{"images": "none", "colour": "red"}', "utf-8")
    call = ("data", "check", folder, "--out", tmp_path / "out")
    (part,) = parts(cli(*call, "--json"))
    assert part["pictures"] == 6
    assert "labels_v3 (final).json has all pictures, for training and for validation" in (
        cli(*call).err
    )
    (folder / "other.json").write_bytes((folder / "labels_v3 (final).json").read_bytes())
    assert "has no train data" in cli(*call).err


def test_sizes_that_are_null_have_a_sentence(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    folder = written(tmp_path / "coco", "coco", train=data)
    for place in (1, 2):
        _coco(lambda content, at=place: content["images"][at].update(width=None))(folder)  # type: ignore[misc]
    said = cli("data", "check", folder, "--out", tmp_path / "out")
    assert said.code == 1
    assert "2 of its 6 pictures have null for their height or width, the first is" in said.err


def test_doubtful_boxes_are_found(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    boxes = np.array(
        [
            [10, 10, 40, 40],
            [10.2, 10, 40, 40],  # the first one again
            [60, 10, 62, 40],  # 2 pixels wide
            [90, 50, 140, 80],  # over the border
            [-0.5, 60, 20, 80],  # rounded
            [10, 10, 40, 40.2],  # the first one, of the other class
        ],
        np.float32,
    )
    labels = np.array([0, 0, 0, 0, 0, 1])
    first = annotated(data.images[0].path, 96, 128, boxes, labels)
    folder = tmp_path / "set"
    written(folder, "coco", train=replace(data, images=(first, *data.images[1:])))
    said = cli("data", "check", folder, "--out", tmp_path / "out", "--json")
    (part,) = parts(said)
    found = {one["kind"]: one["why"] for one in part["doubtful"]}
    assert found == {
        "beyond": "the box [90, 50, 140, 80] of red reaches 12 pixels beyond the border",
        "tiny": "the box [60, 10, 62, 40] of red is 2x30 pixels",
        "duplicate": "the box [10.2, 10, 40, 40] of red is there twice",
    }
    assert len(part["doubtful"]) == 3


def test_doubtful_pictures_are_found(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    folder = written(tmp_path / "yolo", "yolo", train=data)
    pictures = folder / "images" / "train"
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 2**16, (96, 128), dtype=np.uint16)
    Image.fromarray(grey).save(pictures / "grey.png")
    rgb = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(rgb).convert("CMYK").save(pictures / "print.jpg")
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(rgb).save(pictures / "phone.jpg", exif=exif)
    (part,) = parts(cli("data", "check", folder, "--out", tmp_path / "out", "--json"), code=3)
    kinds = {Path(one["what"]).name: one["kind"] for one in part["doubtful"]}
    assert kinds == {"grey.png": "sixteen_bit", "print.jpg": "cmyk", "phone.jpg": "turned"}
    (fault,) = part["skipped"]  # nothing says what is white in grey of 16 bits
    assert "more than 8 bits" in fault["why"]
    assert part["sizes"] == {"96x128": 7, "128x96": 1}


def test_masks_are_checked(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    for kind in ("images", "masks"):
        (tmp_path / "set" / "train" / kind).mkdir(parents=True)
    for image in data.images:
        home = tmp_path / "set" / "train"
        shutil.copy(image.path, home / "images")
        mask = np.zeros((image.height, image.width), np.uint8)
        mask[10:40, 20:60] = 255 if image.id else 0
        Image.fromarray(mask).save(home / "masks" / image.path.name)
    (home / "masks" / "1.png").unlink()
    (home / "masks" / "2.png").write_bytes(b"no picture")
    Image.fromarray(mask // 2).save(home / "masks" / "3.png")  # values that mean nothing
    said = cli("data", "check", tmp_path / "set", "--out", tmp_path / "out", "--json")
    (part,) = parts(said, code=3)
    assert part["kind"] == "masks"
    assert part["classes"] == {"object": 2}
    assert [one["kind"] for one in part["skipped"]] == ["label"] * 3
    assert [one["kind"] for one in part["doubtful"]] == ["empty_mask"]
    assert part["without_objects"] == 1
    with Image.open(part["sheet"]) as sheet:
        assert sheet.format == "PNG"


def test_folders_of_classes_are_checked(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    for split, name, images in (
        ("train", "red", data.images[:2]),
        ("train", "blue", data.images[2:5]),
        ("val", "red", data.images[5:]),
    ):
        folder = tmp_path / "set" / split / name
        folder.mkdir(parents=True)
        for image in images:
            shutil.copy(image.path, folder)
    (tmp_path / "set" / "val" / "red" / "broken.png").write_bytes(b"\x89PNG")
    said = cli("data", "check", tmp_path / "set", "--out", tmp_path / "out", "--json")
    train, val = parts(said, code=3)
    assert train["kind"] == "classes"
    assert train["classes"] == {"blue": 3, "red": 2}
    assert val["classes"] == {"blue": 0, "red": 1}
    assert "broken.png" in val["skipped"][0]["what"]


def test_the_sheet_shows_the_doubtful_first(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    folder = written(tmp_path / "set", "coco", train=data)
    _first_box([100, 50, 40, 30])(folder)
    call = ("data", "check", folder, "--out", tmp_path / "out")
    (part,) = parts(cli(*call, "--pictures", 1, "--json"))
    with Image.open(part["sheet"]) as one:
        alone = one.size
    (whole,) = parts(cli(*call, "--json"))
    with Image.open(whole["sheet"]) as several:
        assert several.width > alone[0]
    (none,) = parts(cli(*call, "--pictures", 0, "--json"))
    assert none["sheet"] is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("check", "nowhere"), 1, "There is no data set 'nowhere'"),
        (("look", "digits"), 2, "Choose check"),
        (("check", "empty"), 1, "has no train data"),
    ],
)
def test_what_is_no_data_is_refused(
    cli: Cli, tmp_path: Path, words: tuple[str, str], code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    action, source = words
    found = cli("data", action, tmp_path / source if source == "empty" else source)
    assert found.code == code, found
    assert said in found.err


def test_data_of_which_nothing_can_be_used_are_refused(
    cli: Cli, tmp_path: Path, data: Dataset
) -> None:
    folder = written(tmp_path / "set", "coco", train=replace(data, images=data.images[:1]))
    _cut("train-0.png")(folder)
    found = cli("data", "check", folder, "--out", tmp_path / "out")
    assert found.code == 1
    assert "No picture of the data set can be used" in found.err


def test_a_single_file_is_called_by_its_name(cli: Cli, tmp_path: Path, data: Dataset) -> None:
    folder = written(tmp_path / "set", "coco", val=data)
    call = ("data", "check", folder / "val.json", "--out", tmp_path / "out", "--json")
    (part,) = parts(cli(*call))
    assert part["part"] == "val"
    assert part["sheet"] == str(tmp_path / "out" / "val.png")
