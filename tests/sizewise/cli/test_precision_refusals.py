"""What can't be made in another precision: a sentence, and no file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from exporter.registry import precisions
from sizewise.core.onnxfiles.model import read_model
from tests.bench.pictures import write_pictures
from tests.exporter.small_nets import Net, picture_set
from tests.exporter.test_convert import fixed, turned
from tests.sizewise.cli.colour_nets import (
    DETECTOR,
    SIZES,
    colour_detector,
    colour_segmenter,
    layer,
)
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.test_multiscale_refusals import refused

LOOKS = ("--calibration-sizes", "48x32", "--check-sizes", SIZES)
INT8 = ("--precision", "int8", *LOOKS)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, pictures and data."""
    folder = tmp_path_factory.mktemp("inputs")
    colour_detector(folder / "net.onnx")
    picture_set(folder / "pictures")
    write_pictures(folder)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            ("--precision", "int8"),
            ("can't be converted to int8", "calibration images", "--calibrate"),
        ),
        (("--precision", "fp16,fp8"), ("can't be converted to fp8", "calibration images")),
        (("--precision", ""), ("Invalid value '' for --precision", "The list is empty")),
        (("--precision", " , "), ("--precision", "The list is empty")),
        (("--precision", "fp12"), ("'fp12' for --precision", *precisions())),
        (
            ("--precision", "fp16", "--max-loss-points", 1),
            ("--max-loss-points can't", "Give --data"),
        ),
        (("--calibrate", "@pictures"), ("--calibrate can't be given here", "none is requested")),
        (("--calibration-images", 3), ("--calibration-images can't be given here",)),
        (("--calibration-sizes", 64), ("--calibration-sizes can't be given here",)),
        (("--check-sizes", 64), ("--check-sizes can't be given here",)),
        (("--method", "entropy"), ("--method can't be given here",)),
        (("--weight-bits", 8), ("--weight-bits can't be given here",)),
        (("--keep", layer(0)), ("--keep can't be given here",)),
        (("--data", "@val.json"), ("--data can't be given here",)),
        (("--precision", "fp16", "--method", "entropy"), ("--method can't be given here",)),
        (("--precision", "fp16", "--calibration-images", 3), ("can't be given by itself",)),
        (
            (*INT8, "--calibrate", "@pictures", "--method", "mean"),
            ("'mean' for --method", "entropy, minmax, mse"),
        ),
        ((*INT8, "--calibrate", "@pictures", "--weight-bits", 6), ("6 bits", "7", "8")),
        ((*INT8, "--calibrate", "@pictures", "--mean", "0.1,0.2"), ("(0.1, 0.2)", "three")),
        (
            (*INT8, "--calibrate", "@pictures", "--mean", "a,b,c"),
            ("Invalid value 'a' for --mean", "number"),
        ),
        ((*INT8, "--calibrate", "@pictures", "--std", "0,1,1"), ("every std is above 0",)),
        (
            (*INT8, "--calibrate", "@pictures", "--mean", "123.675,116.28,103.53"),
            ("Divide by 255: give mean 0.485,0.456,0.406",),
        ),
        (
            (*INT8, "--calibrate", "@pictures", "--std", "nan,1,1"),
            ("'nan' for --std", "finite number"),
        ),
        (
            (*INT8, "--calibrate", "@pictures", "--mean", "inf,1,1"),
            ("'inf' for --mean", "finite number"),
        ),
        (
            ("--precision", "bf16", "--check-sizes", "big"),
            ("Invalid value 'big' for --check-sizes",),
        ),
        (
            ("--precision", "fp16", "--data", "@val.json", "--max-loss-points", "inf"),
            ("Invalid value 'inf' for --max-loss-points",),
        ),
        (
            ("--precision", "fp16", "--data", "@val.json", "--max-drop", "inf"),
            ("Invalid value 'inf' for --max-drop",),
        ),
        (
            ("--precision", "fp16", "--max-drop", 1, "--max-loss-points", 1),
            ("--max-loss-points is given twice: --max-drop is its older name. Leave that out.",),
        ),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_runs(
    cli: Cli, inputs: Path, out: Path, *, options: tuple[object, ...], parts: tuple[str, ...]
) -> None:
    """Where a network is to be exported first, too."""
    given = [str(o).replace("@", f"{inputs}/") for o in options]
    for source in (inputs / "net.onnx", "yolov3"):
        refused(cli("export", source, *given, "--out", out), 2, *parts)
        assert not out.exists()


def test_calibration_pictures_that_are_missing_are_told_before_anything_runs(
    cli: Cli, inputs: Path, out: Path
) -> None:
    for source in (inputs / "net.onnx", "yolov3"):
        said = cli("export", source, *INT8, "--calibrate", inputs / "no", "--out", out)
        refused(said, 1, "Calibration pictures not found", "no such folder")
        assert not out.exists()


def one_colour(folder: Path) -> None:
    for name in "ab":
        Image.new("RGB", (40, 30), (90, 90, 90)).save(folder / f"{name}.png")


def cut_short(folder: Path) -> None:
    random = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(random).save(folder / "whole.png")
    whole = folder / "whole.png"
    for name in ("cut.png", "half.png"):
        (folder / name).write_bytes(whole.read_bytes()[:200])


@pytest.mark.parametrize(
    ("fill", "parts"),
    [
        (lambda folder: None, ("There are no pictures in", "ends in .bmp, .gif")),
        (one_colour, ("each of its 2 pictures is a single colour",)),
        (cut_short, ("2 of its 3 pictures", "cut.png can't be decoded")),
    ],
)
def test_pictures_that_nothing_can_be_calibrated_on(
    cli: Cli, inputs: Path, out: Path, *, fill: Callable[[Path], None], parts: tuple[str, ...]
) -> None:
    folder = out.with_name("given")
    folder.mkdir()
    fill(folder)
    asked = ("export", inputs / "net.onnx", *INT8, "--calibrate", folder)
    refused(cli(*asked, "--out", out), 1, *parts)
    assert not any(out.iterdir())


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--keep", "stem"), ("no layer named 'stem'", ", ".join(map(layer, range(5))))),
        (("--calibration-sizes", "40x32"), ("can't be run at 40x32", "stride 16")),
        (("--check-sizes", "50"), ("can't be run at 50x50", "stride 16")),
        (("--keep", ",".join(map(layer, range(5)))), ("every convolution is excluded",)),
    ],
)
def test_what_the_model_does_not_have_or_take(
    cli: Cli, inputs: Path, out: Path, *, options: tuple[object, ...], parts: tuple[str, ...]
) -> None:
    asked = ("export", inputs / "net.onnx", *INT8, "--calibrate", inputs / "pictures")
    said = cli(*asked, *options, "--out", out)
    refused(said, 1 if "every" in parts[0] else 2, *parts)
    assert not any(out.iterdir())


def test_a_size_that_is_fixed_is_the_only_one(cli: Cli, inputs: Path, out: Path) -> None:
    proto = onnx.load(colour_segmenter(inputs / "light.onnx").path)
    onnx.save(fixed(proto, 1, 48, 32), inputs / "fixed.onnx")
    asked = (inputs / "fixed.onnx", "--precision", "int8", "--calibrate", inputs / "pictures")
    refused(cli("export", *asked, *LOOKS, "--out", out), 2, "at 96x64", "fixed to 48, not 96")
    assert not any(out.iterdir())
    said = cli("export", *asked, "--out", out)
    assert said.code == 0, said
    assert "--sizes 48x32" in said.err


@pytest.mark.parametrize(("made", "other"), [("fp16", "int8"), ("int8", "bf16"), ("int8", "int8")])
def test_a_graph_that_is_in_another_precision_already(
    cli: Cli, inputs: Path, out: Path, *, made: str, other: str
) -> None:
    beside = (*LOOKS, "--calibrate", inputs / "pictures", "--out")
    folder = out.with_name("first")
    assert cli("export", inputs / "net.onnx", "--precision", made, *beside, folder).code == 0
    path = folder / f"net.{made}.onnx"
    said = cli("export", path, "--precision", other, *beside, out)
    refused(said, 1, "can't be exported", f"it is in {made}", "FP32 file")
    assert not any(out.iterdir())


def test_values_beyond_float16_are_for_bfloat16(cli: Cli, inputs: Path, out: Path) -> None:
    """It converts what it can: the file that could be made stays."""
    net = Net()
    loud = net.conv(net.add("Mul", "images", net.hold([1e6])), (8, 3, 3, 3))
    proto = net.model({net.conv(net.add("Relu", net.conv(loud))): 4})
    onnx.save(proto, inputs / "loud.onnx")
    said = cli("export", inputs / "loud.onnx", "--precision", "bf16,fp16", *LOOKS, "--out", out)
    assert said.code == 3, said
    for part in ("can't be converted to fp16", "3 layers must stay in float32", "6.55e+04"):
        assert part in said.err
    assert [path.name for path in out.iterdir()] == ["loud.bf16.onnx"]
    made = read_model(out / "loud.bf16.onnx").card
    assert all(one.within for one in made.deviations)


@pytest.mark.parametrize("kind", ["bytes", "bytes last"])
def test_bytes_are_taken_but_not_scaled(cli: Cli, inputs: Path, out: Path, kind: str) -> None:
    proto = onnx.load(colour_segmenter(inputs / "light.onnx").path)
    onnx.save(turned(proto, kind), inputs / "bytes.onnx")
    asked = ("export", inputs / "bytes.onnx", "--precision", "fp16,int8", *LOOKS, "--out", out)
    said = cli(*asked, "--calibrate", inputs / "pictures", "--mean", "0.5,0.5,0.5")
    refused(said, 1, "can't be calibrated", "it takes uint8 pixels and normalizes them itself")
    assert not any(out.iterdir())
    said = cli(*asked, "--calibrate", inputs / "pictures")
    assert said.code == 0, said
    assert " !" not in said.out


@pytest.mark.parametrize("known", [True, False])
def test_data_that_the_model_can_not_be_judged_on(
    cli: Cli, inputs: Path, out: Path, known: bool
) -> None:
    card = replace(DETECTOR, classes=("red", "green")) if known else None
    model = colour_detector(out.with_name("other.onnx"), card=card).path
    asked = ("export", model, *INT8, "--calibrate", inputs / "pictures", "--out", out)
    said = cli(*asked, "--data", inputs / "val.json", "--max-loss-points", 1)
    why = "knows red, green, the data red, blue" if known else "does not say what its outputs mean"
    code = 1 if known else 2
    what = "accuracy of other.onnx on val" if known else "accuracy of other.onnx can't be measured"
    todo = "Leave --data out" if known else "--layout: for classification b_c; "
    refused(said, code, what, why, todo)
    assert not any(out.iterdir())
