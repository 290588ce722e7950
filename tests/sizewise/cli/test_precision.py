"""``sizewise export --precision``: the files, what is said of them, and what is not made again."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from exporter.calibration.method import methods
from exporter.registry import find_precision
from sizewise.core.onnxfiles.model import read_model, sha256_of
from sizewise.core.specs import Size
from tests.exporter.small_nets import copied, picture_set, run
from tests.sizewise.cli.colour_nets import SIZES, colour_detector, colour_segmenter, layer
from tests.sizewise.cli.conftest import Cli, Said

PRECISIONS = ("fp16", "bf16", "int8", "fp8")
INSIDE, OUTSIDE = Size(48, 32), Size(96, 64)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    picture_set(tmp_path / "pictures")
    return tmp_path / "pictures"


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return colour_detector(tmp_path / "net.onnx").path


@pytest.fixture
def command(detector: Path, pictures: Path, tmp_path: Path) -> tuple[object, ...]:
    return (
        *("export", detector, "--calibrate", pictures, "--calibration-sizes", INSIDE),
        *("--check-sizes", SIZES, "--out", tmp_path / "o"),
    )


def table(said: Said, title: str) -> list[list[str]]:
    """The cells of the table of that title, line by line, its head first."""
    lines = said.out.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(title))
    end = next(k for k, line in enumerate(lines[start:], start) if line.startswith("└"))
    rows = [line for line in lines[start:end] if line[0] in "┃│"]
    return [[cell.strip() for cell in line[1:-1].replace("┃", "│").split("│")] for line in rows]


def given(path: Path, images: Any) -> Any:
    (found,) = run(copied(onnx.load(path)), images)[1:]
    return found


def test_each_precision_is_a_file_that_says_what_it_went_by(
    cli: Cli, command: tuple[object, ...], detector: Path, tmp_path: Path
) -> None:
    said = cli(*command, "--precision", ",".join(PRECISIONS))
    assert said.code == 0, said
    files = [tmp_path / "o" / f"net.{precision}.onnx" for precision in PRECISIONS]
    assert sorted((tmp_path / "o").iterdir()) == sorted(files)
    for precision, path in zip(PRECISIONS, files, strict=True):
        card = read_model(path).card
        assert (card.precision, card.parent_sha256) == (precision, sha256_of(detector))
        assert card.calibration is not None
        assert (card.calibration.data, card.calibration.images) == ("pictures", 3)
        assert (card.calibration.sizes, card.calibration.method) == ((INSIDE,), "minmax")
        places = [(one.size, one.output) for one in card.deviations]
        assert places == [(s, o) for s in (INSIDE, OUTSIDE) for o in ("boxes", "scores")]
        assert all(one.within for one in card.deviations)
        assert {one.bound for one in card.deviations} == {find_precision(precision).bound}
        assert f"{path}  0.0 MiB" in said.err
    last = said.err.strip().splitlines()[-1]
    assert last == f"Next: sizewise bench {shlex.join(map(str, files))} --sizes 128:448:64"


def test_the_error_is_told_at_sizes_inside_and_outside(
    cli: Cli, command: tuple[object, ...], tmp_path: Path
) -> None:
    said = cli(*command, "--precision", "bf16,int8")
    for precision in ("bf16", "int8"):
        head, *rows = table(said, f"Error of {precision} against FP32")
        assert head[:5] == ["size (H×W)", "calibrated there", "output", "relative error", "allowed"]
        card = read_model(tmp_path / "o" / f"net.{precision}.onnx").card
        expected = [
            (d.output, f"{d.relative_error:.2%}", f"{d.bound:.0%}") for d in card.deviations
        ]
        assert [tuple(row[2:5]) for row in rows] == expected
        assert [row[:2] for row in rows] == [["48×32", "yes"]] * 2 + [["96×64", "no"]] * 2


def test_machines_get_json_and_nothing_else(
    cli: Cli, command: tuple[object, ...], detector: Path, tmp_path: Path
) -> None:
    said = cli(*command, "--precision", "fp32,int8", "--json")
    plain, quantized = json.loads(said.out)
    assert plain["path"] == str(tmp_path / "o" / "net.fp32.onnx")
    assert plain["card"]["precision"] == "fp32"
    assert quantized["card"]["parent_sha256"] == sha256_of(detector)
    assert quantized["card"]["calibration"]["sizes"] == [{"height": 48, "width": 32}]
    assert "scores" not in quantized  # no data
    assert "Next:" not in said.err + said.out


def test_what_the_files_compute_is_what_was_measured(
    cli: Cli, command: tuple[object, ...], detector: Path, tmp_path: Path
) -> None:
    assert cli(*command, "--precision", "int8").code == 0
    images = np.random.default_rng(5).random((2, 3, 48, 32), dtype=np.float32)
    exact, ours = (given(path, images) for path in (detector, tmp_path / "o" / "net.int8.onnx"))
    assert 0 < np.abs(ours - exact).max() < 0.05


def test_without_sizes_every_second_of_the_usual_is_looked_at(
    cli: Cli, pictures: Path, tmp_path: Path
) -> None:
    model = colour_segmenter(tmp_path / "light.onnx").path
    said = cli(
        *("export", model, "--precision", "int8", "--calibrate", pictures),
        *("--calibration-images", 1, "--out", tmp_path),
    )
    assert said.code == 0, said
    rows = table(said, "Error of int8 against FP32")[1:]
    assert [(row[0], row[1]) for row in rows] == [
        (f"{side}×{side}", answer)
        for side, answer in zip(range(128, 449, 64), ("no", "yes") * 3, strict=True)
    ]


def test_without_pictures_noise_is_enough_for_16_bits(
    cli: Cli, detector: Path, tmp_path: Path
) -> None:
    asked = ("export", detector, "--precision", "fp16,bf16", "--check-sizes", SIZES)
    said = cli(*asked, "--calibration-sizes", INSIDE, "--out", tmp_path)
    assert said.code == 0, said
    assert "calibrated there" not in said.out
    assert read_model(tmp_path / "net.fp16.onnx").card.calibration is None
    assert len(table(said, "Error of bf16 against FP32")) == 5


def test_layers_that_are_kept_are_named(
    cli: Cli, command: tuple[object, ...], tmp_path: Path
) -> None:
    said = cli(*command, "--precision", "int8", "--keep", f"{layer(2)}, {layer(0)}")
    assert said.code == 0, said
    assert read_model(tmp_path / "o" / "net.int8.onnx").card.kept == (layer(2), layer(0))
    assert f"int8, with 2 layers in fp32 ({layer(2)}, {layer(0)})" in said.err


def test_a_module_is_kept_with_all_its_layers(
    cli: Cli, command: tuple[object, ...], detector: Path, tmp_path: Path
) -> None:
    """The card and the table name the layers; the same call takes the file as it is."""
    proto = onnx.load(detector)
    named = {layer(0): "stem.conv", layer(1): "stem.1", layer(2): "neck", layer(3): "stem2"}
    for node in proto.graph.node:
        node.name = named.get(node.name, node.name)
    onnx.save(proto, detector)
    asked = (*command, "--precision", "int8", "--keep", "neck,stem")
    said = cli(*asked)
    assert said.code == 0, said
    kept = ("neck", "stem.conv", "stem.1")
    assert read_model(tmp_path / "o" / "net.int8.onnx").card.kept == kept
    assert f"int8, with 3 layers in fp32 ({', '.join(kept)})" in said.err
    again = cli(*asked)
    assert "not converted again" in again.err
    other = cli(*command, "--precision", "int8", "--keep", "neck,stem2")
    assert "not converted again" not in other.err


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}


def test_a_second_call_takes_the_files_as_they_are(
    cli: Cli, command: tuple[object, ...], tmp_path: Path
) -> None:
    asked = (*command, "--precision", "fp16,int8")
    first = cli(*asked)
    made = contents(tmp_path / "o")
    second = cli(*asked)
    assert second.code == 0, second
    assert second.err.count("up to date: not converted again") == 2
    assert contents(tmp_path / "o") == made
    assert second.out == first.out
    assert second.err.splitlines()[-1] == first.err.splitlines()[-1]


def test_the_method_that_auto_took_is_printed_and_asking_again_changes_nothing(
    cli: Cli, command: tuple[object, ...], tmp_path: Path
) -> None:
    asked = (*command, "--precision", "int8", "--method", "auto")
    said = cli(*asked)
    calibration = read_model(tmp_path / "o" / "net.int8.onnx").card.calibration
    assert calibration is not None
    sentence = " ".join(said.err.split())
    assert f"int8: the calibration method {calibration.chosen} has the least error" in sentence
    listed = re.findall(r"(\w+) ([\d.]+)%", sentence.partition("at the heads (")[2])
    assert {name for name, _ in listed} == set(methods())
    assert [float(e) for _, e in listed] == sorted(float(e) for _, e in listed)
    assert "up to date: not converted again" in cli(*asked).err
    again = cli(*command, "--precision", "int8", "--method", calibration.chosen)
    assert "up to date" not in again.err


def test_files_of_an_earlier_converter_are_made_anew(
    cli: Cli, command: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (*command, "--precision", "fp16,int8")
    cli(*asked)
    monkeypatch.setitem(vars(find_precision("int8")), "number", 99)
    said = cli(*asked)
    assert said.err.count("up to date: not converted again") == 1
    assert read_model(tmp_path / "o" / "net.int8.onnx").card.converter == 99


@pytest.mark.parametrize(
    "change",
    [
        ("--calibration-sizes", OUTSIDE),
        ("--check-sizes", "48x32"),
        ("--calibration-images", 2),
        ("--method", "percentile"),
        ("--weight-bits", 8),
        ("--mean", "0.1,0.1,0.1"),
        ("--keep", layer(1)),
    ],
)
def test_what_is_asked_otherwise_is_made_anew(
    cli: Cli, command: tuple[object, ...], tmp_path: Path, change: tuple[object, ...]
) -> None:
    asked = (*command, "--precision", "int8")
    cli(*asked)
    made = contents(tmp_path / "o")
    said = cli(*asked, *change)
    assert said.code == 0, said
    assert "not converted again" not in said.err
    assert contents(tmp_path / "o") != made


@pytest.mark.parametrize("changed", ["pictures", "model"])
def test_other_pictures_or_another_model_under_the_same_name_count(
    cli: Cli, command: tuple[object, ...], pictures: Path, detector: Path, changed: str
) -> None:
    asked = (*command, "--precision", "int8")
    cli(*asked)
    if changed == "pictures":
        (pictures / "0.png").unlink()
    else:
        colour_detector(detector, spoilt=[1])
    said = cli(*asked)
    assert said.code == 0, said
    assert "not converted again" not in said.err


def test_a_file_that_is_too_far_off_names_layers_to_keep(
    cli: Cli, pictures: Path, tmp_path: Path
) -> None:
    model = colour_segmenter(tmp_path / "light.onnx", spoilt=[2]).path
    asked = (
        *("export", model, "--precision", "int8", "--calibrate", pictures, "--out", tmp_path),
        *("--calibration-sizes", INSIDE, "--check-sizes", SIZES),
    )
    said = cli(*asked)
    assert said.code == 0, said
    assert "The error of int8 against FP32 exceeds the 20% allowed" in said.err
    assert all(row[3].endswith("% !") for row in table(said, "Error of int8 against FP32")[1:])
    (advice,) = (line for line in said.err.splitlines() if "add --keep" in line)
    worst = advice.split()[-1].split(",")
    assert worst[0] == layer(2)
    better = cli(*asked, "--keep", worst[0])
    assert better.code == 0, better
    assert "further from FP32" not in better.err
    assert " !" not in better.out
