"""A segmenter of classes: trained, exported, built, evaluated and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from netzoo.weights.checkpoint import read_header
from sizewise.cli.front import run_command_line
from sizewise.core.onnxfiles.model import read_model
from tests.sizewise.cli.conftest import Cli, Said

pytestmark = pytest.mark.usefixtures("one_core", "in_process")
CLASSES = ("red", "blue")
COLOURS = ((220, 40, 30), (30, 60, 220))
LEFT_OUT = 255
QUICK = (
    *("--width", 0.25, "--depth", 0.1, "--fusion", "single", "--sizes", "64x96", "--batch", 4),
    *("--steps", 60, "--learning-rate", 0.01, "--warmup-steps", 5, "--ema-decay", 0.8),
    *("--validate-every", 15),
)


def _picture(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Grey, with a rectangle of each colour in its own half, and a strip that does not count."""
    pixels = rng.integers(90, 140, (64, 96, 3), dtype=np.uint8)
    mask = np.zeros((64, 96), np.uint8)
    for half, label in enumerate(rng.permutation(len(CLASSES))):
        top, left = rng.integers(4, 20), 48 * half + rng.integers(2, 14)
        area = slice(top, top + 32), slice(left, left + 28)
        pixels[area], mask[area] = COLOURS[label], label + 1
    mask[-3:] = LEFT_OUT
    return pixels, mask


def write_masks(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for number in range(count):
            for name, pixels in zip(("images", "masks"), _picture(rng), strict=True):
                path = folder / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    (folder / "classes.txt").write_text("background\nred\nblue\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_masks(tmp_path_factory.mktemp("masks"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sizewise.core.machine.cores.allowed_cpus", lambda: frozenset({0}))
        call = ("train", "multiscale", "--by-class", *QUICK, "--data", data, "--out", out)
        assert run_command_line([str(word) for word in (*call, "--draw-batches", 1)]) == 0
    return out / "multiscale-single.safetensors"


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    assert run_command_line(["export", str(trained), "--size", "64x96", "--out", str(out)]) == 0
    return out / "multiscale-single.onnx"


def _row(said: Said) -> dict[str, Any]:
    assert said.code == 0, said
    (row,) = json.loads(said.out)["rows"]
    assert isinstance(row, dict)
    return row


def test_it_learns_classes_and_its_file_says_so(trained: Path, exported: Path) -> None:
    config = read_header(trained).config
    assert config.classes == CLASSES
    assert config.by_class
    card = read_model(exported).card
    assert (card.task, card.layout, card.classes) == ("segmentation", "b_c_h_w", CLASSES)
    (output,) = read_model(exported).outputs
    assert output.shape[1] == 1 + len(CLASSES)
    with Image.open(trained.with_suffix(".batch1.png")) as sheet:
        assert min(sheet.size) > 96


def test_every_engine_gives_it_the_scores_of_the_checkpoint(
    cli: Cli, data: Path, trained: Path, exported: Path, tmp_path: Path
) -> None:
    of = ("--data", data, "--sizes", "64x96", "--json")
    inside = _row(cli("evaluate", trained, *of))
    assert set(inside["iou_by_class"]) == {"background", *CLASSES}
    assert inside["miou"] == pytest.approx(np.mean(list(inside["iou_by_class"].values())))
    assert min(inside["iou_by_class"].values()) > 0.5
    for backend in ("onnxruntime", "openvino"):
        how = ("--backend", backend, "--strategy", "static", "--sizes", "64x96")
        built = cli("build", exported, *how, "--out", tmp_path)
        assert built.code == 0, built
    engines = [path.parent for path in tmp_path.rglob("manifest.json")]
    assert len(engines) == 2
    for source in (exported, *engines):
        outside = _row(cli("evaluate", source, *of))
        assert outside["miou"] == pytest.approx(inside["miou"], abs=0.005)
        assert outside["iou_by_class"] == pytest.approx(inside["iou_by_class"], abs=0.01)


def test_it_is_drawn_in_the_colours_of_its_classes(
    cli: Cli, data: Path, exported: Path, tmp_path: Path
) -> None:
    picture = data / "val" / "images" / "0.png"
    said = cli("predict", exported, picture, "--size", "64x96", "--out", tmp_path)
    assert said.code == 0, said
    assert "red on " in said.out
    assert "blue on " in said.out


def test_another_way_to_learn_is_another_training(cli: Cli, data: Path, tmp_path: Path) -> None:
    """Without --by-class, objects are told from the rest: one channel, and the checkpoint of
    before such an option."""
    call = ("train", "multiscale", *QUICK, "--steps", 1, "--data", data, "--out", tmp_path)
    assert cli(*call).code == 0
    path = tmp_path / "multiscale-single.safetensors"
    assert read_header(path).config.classes == ("object",)
    assert b"by_class" not in path.read_bytes()
    assert "trained anew" in cli(*call, "--by-class", "--replace").err
    assert read_header(path).config.classes == CLASSES


def test_augmented_masks_of_classes_are_learnt(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("train", "multiscale", "--by-class", *QUICK, "--steps", 3, "--augment", "strong")
    said = cli(
        *call, "--fusion", "average", "--consistency", 0.5, "--data", data, "--out", tmp_path
    )
    assert said.code == 0, said


def test_networks_that_learn_no_masks_take_no_such_option(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    said = cli("train", "yolov3", "--by-class", "--data", data, "--out", tmp_path)
    assert said.code == 2
    assert "yolov3 can't be trained with --by-class: it does not learn masks" in said.err
