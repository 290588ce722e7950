"""What a network that looks at several scales can't be: a sentence, before anything is trained."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network
from tests.bench.models import brightness
from tests.bench.pictures import HEIGHT, PICTURES, WIDTH, write_pictures
from tests.sizewise.cli.conftest import Cli, Said

NARROW = ("--width", 0.1, "--depth", 0.1)
QUICK = (*NARROW, "--steps", 2, "--batch", 2, "--sizes", "64")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    shutil.copy(write_pictures(folder), folder / "train.json")
    return folder


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step may be taken."""
    monkeypatch.setattr("netzoo.training.trainer.draw_batches", pytest.fail)


def refused(said: Said, code: int, *parts: str) -> None:
    assert said.code == code, said
    assert "Traceback" not in said.err + said.out
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("sizewise: ")
    for part in parts:
        assert part in last, last


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--scales", "0.5,1.5"), ("1 is missing", "0.5,1,1.5")),
        (("--scales", "0.5,1,1"), ("listed twice",)),
        (("--scales", "1,1.0000001"), ("less than 1/1000",)),
        (("--scales", "1,0.5"), ("ascending",)),
        (("--scales", "0.01,1"), ("less than one stride",)),
        (("--scales", "1,9"), ("more than 16 times",)),
        (("--scales", "-1,1"), ("above 0",)),
        (("--scales", "nan,1"), ("above 0",)),
        (("--scales", "half,1"), ("'half,1' is no list of scales",)),
        (("--scales", "1,,2"), ("no list of scales",)),
        (("--scales", "1"), ("can't merge one scale", "single")),
        (("--scale-weights", "1,1"), ("2 scale weights", "has 3 scales")),
        (("--scale-weights", "1,-1,1"), ("Invalid value '-1' for", "a number, 0 or more")),
        (("--scale-weights", "1,nan,1"), ("Invalid value 'nan' for", "a number, 0 or more")),
        (("--scale-weights", "a,b,c"), ("Invalid value 'a' for", "--scale-weights")),
        (("--fusion", "average,blend"), ("no fusion named 'blend'", "hierarchical")),
        (("--backbone", "vgg"), ("no backbone named 'vgg'", "convnet")),
        (("--backbone", "tiny"), ("four levels", "16, 32 pixels per cell")),
        (("--backbone", "convnet,resnet18"), ("3 scales", "2 backbones", "Give 1 backbone or 3")),
        (("--sizes", "100"), ("100x100", "multiples of its stride, 32")),
        (("--sizes", "32"), ("32x32", "sizes of at least 64")),
        (("--scales", "0.25,1", "--sizes", "96"), ("96x96", "0.25x", "sizes of at least 128")),
        (("--consistency", "-1"), ("-1", "Give a number, 0 or more")),
        (("--price", "nan", "--fusion", "adaptive"), ("Invalid value 'nan' for --price",)),
        (("--price", "0.1"), ("--price 0.1 has no effect", "adaptive")),
        (("--single-scale-steps", "-1"), ("-1", "Give a whole number, 0 or more")),
        (("--single-scale-steps", "2"), ("at 1x alone", "never see the other scales")),
        (("--loss", "dense"), ("'dense'", "masks")),
    ],
)
def test_what_can_not_be_trained(
    cli: Cli, data: Path, tmp_path: Path, *, options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    """Also in a list of fusions, whose others could be, and in a configuration file."""
    out = tmp_path / "out"
    said = cli("train", "multiscale", "--data", data, *QUICK, *options, "--out", out)
    refused(said, 2, *parts)
    assert not out.exists()
    config = tmp_path / "line.toml"
    told = dict(zip(("--fusion", *options[::2]), ("concat", *options[1::2]), strict=True))
    config.write_text(
        f"out = '{out}'\ndata = '{data}'\n[bench]\n[train]\nnetwork = 'multiscale'\nsteps = 2\n"
        + "".join(f"{_key(name)} = {_value(name, value)}\n" for name, value in told.items())
    )
    if "--price" not in options:  # the file's own fusion
        refused(cli("run", config), 2, parts[0])
    assert not out.exists()


def _key(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _value(option: str, value: str) -> str:
    return value if option in ("--consistency", "--single-scale-steps") else f"'{value}'"


def test_timms_backbones_need_timm(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    for command in (("train", "--data", data, *QUICK), ("export", *NARROW)):
        said = cli(
            *(command[0], "multiscale", *command[1:], "--backbone", "timm:resnet18"),
            *("--out", tmp_path / "out"),
        )
        refused(said, 2, "timm:resnet18", "Install it")


@pytest.mark.parametrize(
    "option",
    [
        ("--fusion", "absi"),
        ("--scales", "0.5,1"),
        ("--backbone", "resnet18"),
        ("--scale-weights", "1"),
        ("--consistency", 0.1),
        ("--price", 0.1),
        ("--single-scale-steps", 1),
        ("--sequential",),
    ],
)
def test_a_network_of_one_scale_takes_none_of_it(
    cli: Cli, tmp_path: Path, option: tuple[object, ...]
) -> None:
    said = cli("train", "yolov3", *QUICK, *option, "--out", tmp_path)
    refused(said, 2, "yolov3", "sees each picture at one scale", "multiscale")


Change = Callable[[dict[str, Any]], object]


def _last(coco: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = coco["annotations"][-1]
    return found


def _mask(size: tuple[int, int], counts: object) -> Change:
    return lambda coco: _last(coco).update(segmentation={"size": size, "counts": counts})


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda coco: _last(coco).pop("segmentation"), "have no segmentation"),
        (lambda coco: _last(coco).update(segmentation=None), "have no segmentation"),
        (_mask((WIDTH, HEIGHT), [WIDTH * HEIGHT]), f"a mask is of {WIDTH}x{HEIGHT}"),
        (_mask((HEIGHT, WIDTH), [10, 10]), "do not add up"),
        (_mask((HEIGHT, WIDTH), "0\x7f"), "cut off or has invalid characters"),
        (lambda coco: _last(coco).update(segmentation=[[1, 1, 2, 2]]), "fewer than three points"),
    ],
)
def test_masks_that_can_not_be_learnt(
    cli: Cli, data: Path, tmp_path: Path, *, change: Change, part: str
) -> None:
    """With ``--strict`` one is enough, wherever it is: it need not be in the first batch."""
    coco = json.loads((data / "train.json").read_text())
    change(coco)
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(coco))
    for picture in data.glob("*.png"):
        shutil.copy(picture, tmp_path)
    said = cli(
        *("train", "multiscale", "--data", broken, *QUICK, "--steps", 1, "--fusion", "single"),
        *("--out", tmp_path / "out", "--strict"),
    )
    refused(said, 1, f"{PICTURES - 1}.png", part)


@pytest.mark.parametrize("option", [("--fusion", "single"), ("--scales", "1,2")])
def test_what_is_exported_has_its_fusion_and_scales_already(
    cli: Cli, tmp_path: Path, option: tuple[str, str]
) -> None:
    checkpoint = tmp_path / "net.safetensors"
    settings = MultiscaleConfig(fusion="average")
    config = NetworkConfig(
        name="multiscale", classes=("object",), width=0.1, depth=0.1, multiscale=settings
    )
    save_checkpoint(checkpoint, build_network(config), Provenance())
    model = brightness(tmp_path / "bright.onnx").path
    for source in (checkpoint, model):
        said = cli("export", source, *option, "--out", tmp_path / "out")
        refused(said, 2, f"{option[0]} can't be given for {source}")
    refused(cli("export", "yolov3", *NARROW, *option, "--out", tmp_path / "out"), 2, "yolov3")


def test_an_export_of_several_fusions_fails_before_the_first(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = cli("export", "multiscale", *NARROW, "--fusion", "single,blend", "--out", out)
    refused(said, 2, "no fusion named 'blend'")
    assert not out.exists()


def test_an_example_that_the_smallest_scale_can_not_take(cli: Cli, tmp_path: Path) -> None:
    said = cli(
        *("export", "multiscale", *NARROW, "--scales", "0.0625,1", "--size", 320),
        *("--out", tmp_path),
    )
    refused(said, 2, "320x320", "at least 512", "such as 512x608")
