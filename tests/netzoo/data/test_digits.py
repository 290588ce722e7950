from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask

from netzoo.data.coco.dataset import read_coco
from netzoo.data.coco.folders import Split
from netzoo.data.sets import _photographs, digits
from netzoo.data.sources import open_dataset
from sizewise.core.errors import InputError

FEW: Mapping[Split, int] = {"train": 40, "val": 30}

_MAKE_WITHOUT_NETWORK = """
import pathlib, socket, sys
from netzoo.data.sets.digits import make_digits

def refuse(*_):
    raise AssertionError("a connection was tried")

socket.socket.connect = refuse
make_digits(pathlib.Path(sys.argv[1]), {"train": 3, "val": 3}, seed=0)
assert not {"skimage", "pooch"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    digits.make_digits(folder, FEW, seed=0)
    return folder


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Any]:
    return {split: json.loads((folder / f"{split}.json").read_text()) for split in FEW}


def test_there_is_enough_to_validate_on() -> None:
    assert digits.COUNTS["val"] >= 400
    assert digits.COUNTS["train"] >= 1200


@pytest.mark.parametrize("kind", ["images", "annotations"])
def test_the_splits_share_neither_photograph_nor_sample(kind: str, files: dict[str, Any]) -> None:
    train, val = ({entry["source"] for entry in files[split][kind]} for split in FEW)
    assert train
    assert val
    assert not train & val


def test_no_scene_was_photographed_for_both() -> None:
    # Two pictures of one scene (a stereo pair) differ in the last part of their names.
    scenes = [
        {Path(name).stem.rpartition("_")[0] or Path(name).stem for name in names}
        for names in _photographs.PHOTOGRAPHS.values()
    ]
    assert not scenes[0] & scenes[1]


def test_every_sample_is_in_one_split(files: dict[str, Any]) -> None:
    from netzoo.data.sets._glyphs import split_samples

    parts = split_samples(np.random.default_rng([0, 0]))
    indices = sorted(sample.index for part in parts.values() for sample in part)
    assert indices == list(range(1797))
    for split in FEW:
        allowed = {f"load_digits {sample.index}" for sample in parts[split]}
        assert {a["source"] for a in files[split]["annotations"]} <= allowed


@pytest.mark.parametrize("split", FEW)
def test_all_ten_digits_are_there_and_labelled_as_in_scikit_learn(
    split: Split, files: dict[str, Any]
) -> None:
    from sklearn.datasets import load_digits

    target = load_digits().target
    names = {c["id"]: c["name"] for c in files[split]["categories"]}
    found = files[split]["annotations"]
    for annotation in found:
        index = int(annotation["source"].removeprefix("load_digits "))
        assert names[annotation["category_id"]] == str(target[index])
    assert {names[a["category_id"]] for a in found} == set("0123456789")


@pytest.mark.parametrize("split", FEW)
def test_sizes_boxes_and_masks_agree(split: Split, files: dict[str, Any]) -> None:
    for annotation in files[split]["annotations"]:
        x, y, width, height = annotation["bbox"]
        assert 10 <= max(width, height) <= 96
        assert min(x, y) >= 0
        assert max(x + width, y + height) <= 320
        assert coco_mask.toBbox(annotation["segmentation"]).tolist() == annotation["bbox"]
        assert coco_mask.area(annotation["segmentation"]) == annotation["area"]


@pytest.mark.parametrize("split", FEW)
def test_digits_do_not_hide_one_another(split: Split, folder: Path) -> None:
    for image in read_coco(folder / f"{split}.json").images:
        boxes = image.boxes
        sides = np.minimum(boxes[:, None, 2:], boxes[:, 2:]) - np.maximum(
            boxes[:, None, :2], boxes[:, :2]
        )
        shared = sides.clip(0).prod(-1)
        areas = shared.diagonal()
        covered = shared / np.minimum(areas[:, None], areas) - np.eye(len(boxes))
        assert covered.max(initial=0) <= 0.2


def test_digits_stand_out_from_what_is_around_them(folder: Path) -> None:
    differences = []
    for image in read_coco(folder / "val.json").images:
        pixels, mask = image.read().astype(float), image.mask().astype(bool)
        for x0, y0, x1, y1 in image.boxes.astype(int).tolist():
            patch, strokes = pixels[y0:y1, x0:x1], mask[y0:y1, x0:x1]
            if not strokes.all():
                across = patch[strokes].mean(0) - patch[~strokes].mean(0)
                differences.append(np.abs(across).mean())
    assert np.quantile(differences, 0.1) > 20


@pytest.mark.parametrize("split", FEW)
def test_pictures_are_320_square_and_have_masks(split: Split, folder: Path) -> None:
    dataset = read_coco(folder / f"{split}.json")
    assert len(dataset.images) == FEW[split]
    for image in dataset.images[:5]:
        assert image.read().shape == (320, 320, 3)
        assert image.mask().sum() > 0


def test_a_seed_gives_the_same_bytes_wherever_and_another_seed_others(
    folder: Path, tmp_path: Path
) -> None:
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
        digits.make_digits(tmp_path / str(seed), FEW, seed=seed)
    assert _bytes_in(tmp_path / "0") == _bytes_in(folder)
    first, other = (read_coco(f / "val.json").sha256 for f in (folder, tmp_path / "1"))
    assert first != other


def _bytes_in(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_it_is_kept_and_made_again_when_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIZEWISE_CACHE", str(tmp_path))
    monkeypatch.setattr(digits, "COUNTS", {"train": 3, "val": 3})
    dataset = open_dataset("digits", "val")
    picture = dataset.images[1].path
    whole, made_at = picture.read_bytes(), picture.stat().st_mtime_ns
    assert open_dataset("digits", "val").sha256 == dataset.sha256
    assert picture.stat().st_mtime_ns == made_at
    for spoiled in (whole[:-1], whole[:500] + b"?" + whole[501:], None):
        picture.write_bytes(spoiled) if spoiled else picture.unlink()
        assert open_dataset("digits", "val").sha256 == dataset.sha256
        assert_array_equal(picture.read_bytes(), whole)


def test_another_recipe_is_another_folder() -> None:
    assert digits._recipe(0) == digits._recipe(0) != digits._recipe(1)


@pytest.mark.parametrize("missing", ["sklearn", "skimage"])
def test_without_the_extra_we_say_what_to_install(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setenv("SIZEWISE_CACHE", str(tmp_path))
    monkeypatch.setattr(
        _photographs, "find_spec", lambda name: None if name == missing else find(name)
    )
    with pytest.raises(InputError, match=rf"{missing} is not installed.*sizewise\[digits\]"):
        open_dataset("digits", "train")


def test_nothing_is_fetched(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", _MAKE_WITHOUT_NETWORK, str(tmp_path)],
        check=True,
        cwd=Path(__file__).parents[3],
    )
