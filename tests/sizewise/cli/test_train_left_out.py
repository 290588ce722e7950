"""``sizewise train`` on data with parts that can't be used: named, counted and left out."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.coco.dataset import Dataset, write_coco
from tests.netzoo.data.boxes.layouts import write_voc, write_yolo
from tests.netzoo.factories import squares
from tests.netzoo.training.metrics import learned
from tests.sizewise.cli.conftest import Cli, Said

pytestmark = pytest.mark.usefixtures("one_core")
NAME = "yolov2-tiny"
QUICK = (NAME, "--width", 0.05, "--steps", 4, "--batch", 2, "--sizes", "64")
HEIGHT, WIDTH = 96, 128


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 6, HEIGHT, WIDTH)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _add(path: Path, mark: str, text: str) -> None:
    """Put ``text`` before ``mark``."""
    path.write_text(path.read_text(encoding="utf-8").replace(mark, f"{text}{mark}"), "utf-8")


def _coco(data: Dataset, folder: Path) -> Path:
    del folder
    home = data.images[0].path.parent
    for split in ("train", "val"):
        write_coco(data, home / f"{split}.json")
    return home


def _coco_faults(folder: Path) -> tuple[Path, ...]:
    path = folder / "train.json"
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    image = said["images"][0]["id"]
    for number, (category, box) in enumerate(
        ((9, [1, 1, 9, 9]), (1, [1, 1, 0, 9]), (1, [5 * WIDTH, 5 * HEIGHT, 9, 9])), start=900
    ):
        said["annotations"].append(
            {"id": number, "image_id": image, "category_id": category, "bbox": box, "area": 9}
        )
    path.write_text(json.dumps(said), encoding="utf-8")
    return (folder / "2.png",)


def _voc(data: Dataset, folder: Path) -> Path:
    write_voc(folder, train=data, val=data)
    (folder / "classes.txt").write_text("\n".join(data.classes), encoding="utf-8")
    return folder


def _voc_faults(folder: Path) -> tuple[Path, ...]:
    for name, (left, top, right, bottom) in (
        ("green", (2, 2, 9, 9)),
        ("red", (2, 2, 1, 9)),
        ("red", (5 * WIDTH, 5 * HEIGHT, 5 * WIDTH + 9, 5 * HEIGHT + 9)),
    ):
        _add(
            folder / "Annotations" / "train0.xml",
            "</annotation>",
            f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
            f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>",
        )
    return (folder / "JPEGImages" / "train2.png",)


def _yolo(data: Dataset, folder: Path) -> Path:
    return write_yolo(folder, train=data, val=data)


def _yolo_faults(folder: Path) -> tuple[Path, ...]:
    with (folder / "labels" / "train" / "0.txt").open("a", encoding="utf-8") as file:
        file.write("\n9 0.5 0.5 0.1 0.1\n0 0.5 0.5 0 0.1\n0 5 5 0.1 0.1\n")
    return (folder / "images" / "train" / "2.png",)


LAYOUTS: dict[str, tuple[Callable[..., Path], Callable[[Path], tuple[Path, ...]]]] = {
    "coco": (_coco, _coco_faults),
    "voc": (_voc, _voc_faults),
    "yolo": (_yolo, _yolo_faults),
}


def _train(cli: Cli, data: Path, out: Path, *more: object) -> Said:
    return cli("train", *QUICK, "--validate-every", 0, "--data", data, "--out", out, *more)


def test_every_layout_is_trained_on_alike_without_what_cannot_be_used(
    cli: Cli, data: Dataset, tmp_path: Path
) -> None:
    """Each fault is named and counted, and ``--strict`` stops. A file that is no picture is left
    out on opening; a picture that is cut off is seen when it is decoded, and another one stands in
    its place: in every layout alike, or the losses would differ."""
    losses = {}
    for layout, (write, damage) in LAYOUTS.items():
        folder, out = write(data, tmp_path / layout), tmp_path / f"out-{layout}"
        broken = damage(folder)
        (path,) = broken
        _cut(path)
        no_picture = path.with_name(path.name.replace("2", "3"))
        no_picture.write_bytes(b"no picture")
        said = _train(cli, folder, out, "--json")
        assert said.code == 0, said
        skipped = json.loads(said.out)["skipped"]
        assert Counter(one["kind"] for one in skipped) == {
            **dict.fromkeys(("class", "no_area", "outside"), 1),
            "picture": 2,
        }
        assert [one["what"] for one in skipped if one["kind"] == "picture"] == [
            f"The picture {found} can't be decoded" for found in (no_picture, path)
        ]
        assert {one["part"] for one in skipped} == {"training"}
        with (out / f"{NAME}.skipped.csv").open(newline="", encoding="utf-8") as file:
            assert list(csv.DictReader(file)) == skipped
        for one in (*skipped[:3], skipped[-1]):  # the first of those on opening, and what came then
            assert said.err.count(f"{one['what']}: {one['why']}") in {1, 2}, one  # the first again
        assert "1 picture and 3 labels can't be used and are left out" in said.err
        assert f"Skipped: The picture {path} can't be decoded" in said.err
        assert f"Skipped: 2 pictures and 3 labels of the training were left out (all: {NAME}" in (
            said.err
        )
        losses[layout] = learned(out / f"{NAME}.metrics.csv")
        stopped = _train(cli, folder, tmp_path / f"strict-{layout}", "--strict")
        assert stopped.code == 1
        assert "can't be used" in stopped.err or f"{no_picture} can't be decoded" in stopped.err
        assert not list((tmp_path / f"strict-{layout}").glob("*.safetensors"))
    assert losses["coco"] == losses["voc"] == losses["yolo"]


def test_scores_are_said_beside_what_they_are_without(
    cli: Cli, data: Dataset, tmp_path: Path
) -> None:
    folder = _yolo(data, tmp_path / "yolo")
    text = folder / "labels" / "val" / "1.txt"
    text.write_text(f"7 0.5 0.5 0.1 0.1\n{text.read_text(encoding='utf-8')}", "utf-8")
    path = folder / "images" / "val" / "3.png"
    _cut(path)
    call = ("train", *QUICK, "--data", folder, "--out", tmp_path / "out")
    said = cli(*call)
    assert said.code == 0, said
    assert "Validation at 64x64: AP" in said.out
    assert "(without 2 pictures or labels that can't be used)" in said.out
    assert said.err.count(f"The picture {path} can't be decoded") == 1
    skipped = json.loads(cli(*call, "--json").out)["skipped"]
    assert [(one["part"], one["kind"]) for one in skipped] == [
        ("validation", "class"),
        ("validation", "picture"),
    ]
    _cut(table := tmp_path / "out" / f"{NAME}.skipped.csv")
    damaged = cli(*call, "--json")
    assert damaged.code == 1
    assert f"{table} can't be read" in json.loads(damaged.out)["error"]["what"]
    strictly = (*call[:-1], tmp_path / "strict", "--strict")
    assert "line 1 has the class 7" in cli(*strictly).err
    text.write_text(text.read_text(encoding="utf-8").replace("7 0.5", "1 0.5"), "utf-8")
    strict = cli(*strictly)
    assert strict.code == 1
    assert f"The picture {path} can't be decoded" in strict.err
    kept = list((tmp_path / "strict").glob("*.training.safetensors"))
    assert len(kept) == 1  # the steps before the validation


def test_what_is_wrong_as_a_whole_stops_all_the_same(
    cli: Cli, data: Dataset, tmp_path: Path
) -> None:
    folder = _yolo(data, tmp_path / "yolo")
    texts = sorted((folder / "labels" / "train").iterdir())
    for text in texts:  # pixels in place of shares
        lines = text.read_text(encoding="utf-8").splitlines()
        text.write_text("\n".join(f"{line[0]} 50 40 20 20" for line in lines), "utf-8")
    said = _train(cli, folder, tmp_path / "out")
    assert said.code == 1
    assert "of its 18 labels can't be" in said.err
    for text in texts:
        text.write_bytes(b"\xff")
    said = _train(cli, folder, tmp_path / "out")
    assert said.code == 1
    assert f"6 faults were left out before, and the first is {texts[0]}" in said.err
    for picture in (folder / "images" / "train").iterdir():
        picture.write_bytes(b"no picture")
    said = _train(cli, folder, tmp_path / "out")
    assert said.code == 1
    assert "6 faults were left out before, and the first is The picture " in said.err


@pytest.mark.parametrize("layout", ["voc", "yolo"])
def test_a_picture_goes_with_a_label_file_that_cannot_be_read(
    cli: Cli, data: Dataset, tmp_path: Path, layout: str
) -> None:
    """Without its boxes, a network would learn that nothing is there."""
    folder = LAYOUTS[layout][0](data, tmp_path / layout)
    named = {"voc": "Annotations/train1.xml", "yolo": "labels/train/1.txt"}[layout]
    (folder / named).write_bytes(b"\xff\xfe")
    said = cli("data", "check", folder, "--out", tmp_path / "check", "--json")
    (train, _) = json.loads(said.out)["parts"]
    assert train["pictures"] == 5
    assert [one["kind"] for one in train["skipped"]] == ["label"]
    assert str(folder / named) in train["skipped"][0]["what"]
