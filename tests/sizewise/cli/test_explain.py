"""``sizewise explain``: what each layer costs and saves, and what to do next."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

import sizewise as sw
from engines.explaining import LayerTime, LayerTimes
from sizewise.core.specs import ExportedModel
from sizewise.core.specs.explained.records import read_layers
from tests.bench.pictures import write_pictures
from tests.exporter.small_nets import picture_set
from tests.sizewise.cli.colour_nets import LAYERS, colour_detector, layer
from tests.sizewise.cli.conftest import Cli, write_tiny

pytestmark = pytest.mark.usefixtures("in_process")

pytest.importorskip("onnxruntime")
SIZES = "48x32"
SPOILT = 2
NAMES = {layer(index) for index in range(LAYERS + 1)}
BACKEND = ("--backend", "onnxruntime")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    picture_set(tmp_path / "pictures")
    return tmp_path / "pictures"


@pytest.fixture
def quantized(cli: Cli, pictures: Path, tmp_path: Path) -> Path:
    """One layer of it falls between the steps of its scale."""
    parent = colour_detector(tmp_path / "net.onnx", spoilt=(SPOILT,)).path
    said = cli(
        *("export", parent, "--precision", "int8", "--calibrate", pictures, "--out", tmp_path),
        *("--calibration-sizes", SIZES, "--check-sizes", SIZES, "--quiet"),
    )
    assert said.code == 0, said
    return tmp_path / "net.int8.onnx"


def test_the_layer_that_costs_most_comes_first_and_is_kept_next(
    cli: Cli, quantized: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    data = write_pictures(tmp_path / "data")
    line = ("explain", quantized, "--sizes", SIZES, *BACKEND, "--calibrate", pictures)
    said = cli(*line, "--data", data)
    assert said.code == 0, said
    assert "A profile is no benchmark" in said.err
    assert "points lost" in said.out
    assert "Pictures: letterbox, rgb, 0–1." in said.err
    assert all(name in said.out for name in NAMES)
    last = shlex.split(said.err.strip().splitlines()[-1].removeprefix("Next: "))
    assert last[:5] == ["sizewise", "export", str(tmp_path / "net.onnx"), "--precision", "int8"]
    assert layer(SPOILT) in last[last.index("--keep") + 1].split(",")


def test_machines_get_every_layer_of_every_back_end(
    cli: Cli, quantized: Path, pictures: Path
) -> None:
    said = cli("explain", quantized, "--sizes", SIZES, "--calibrate", pictures, "--json")
    assert said.code == 0, said
    told: dict[str, Any] = json.loads(said.out)
    assert {one["name"] for one in told["layers"]} == NAMES
    by_error = sorted(told["layers"], key=lambda one: -one["error"])
    assert by_error[0]["name"] == layer(SPOILT)
    for one in told["layers"]:
        assert one["requested"] == "int8"
        assert one["accuracy_loss"] is None
        for run in one["runs"]:
            assert 0 <= run["share"] <= 1
            assert run["precision"] in ("int8", "fp32")
    assert "Next:" not in said.err


def test_without_pictures_errors_are_not_measured(cli: Cli, quantized: Path) -> None:
    said = cli("explain", quantized, "--sizes", SIZES, *BACKEND, "--json")
    assert said.code == 0, said
    assert {one["error"] for one in json.loads(said.out)["layers"]} == {None}
    assert "give the calibration pictures with --calibrate" in said.err
    said = cli("explain", quantized, "--sizes", SIZES, *BACKEND)
    assert (
        said.err.strip()
        .splitlines()[-1]
        .endswith(f"{shlex.quote(str(quantized))} --calibrate FOLDER")
    )


def test_what_can_not_be_explained_says_why(cli: Cli, quantized: Path, tmp_path: Path) -> None:
    parent = tmp_path / "net.onnx"
    said = cli("explain", parent)
    assert (said.code, "it is in FP32" in said.err) == (1, True)
    said = cli("explain", quantized, "--backend", "torch_eager")
    assert (said.code, "does not tell the time of each layer" in said.err) == (2, True)
    said = cli("explain", quantized, "--data", "digits", "--sizes", SIZES)
    assert (said.code, "Give --calibrate, too" in said.err) == (2, True)
    said = cli("explain", quantized, "--parent", write_tiny(tmp_path / "tiny.onnx"))
    assert (said.code, "can't be the parent" in said.err) == (1, True)
    parent.unlink()
    said = cli("explain", quantized)
    assert (said.code, "Give that file with --parent" in said.err) == (1, True)


def test_where_no_layer_loses_points_there_is_nothing_to_keep(
    cli: Cli, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    data = write_pictures(tmp_path / "data")
    parent = colour_detector(tmp_path / "net.onnx").path
    made = ("--precision", "int8", "--calibrate", pictures, "--calibration-sizes", SIZES)
    assert cli("export", parent, *made, "--check-sizes", SIZES, "--out", tmp_path).code == 0
    quantized = tmp_path / "net.int8.onnx"
    line = ("explain", quantized, "--sizes", SIZES, *BACKEND, "--calibrate", pictures)
    said = cli(*line, "--data", data)
    assert said.code == 0, said
    assert (
        said.err.strip().splitlines()[-1] == f"Next: sizewise bench {shlex.quote(str(quantized))}"
    )


def test_the_next_step_calibrates_as_the_file_was(cli: Cli, pictures: Path, tmp_path: Path) -> None:
    parent = colour_detector(tmp_path / "net.onnx", spoilt=(SPOILT,)).path
    how = ("--calibration-images", "2", "--calibration-sizes", SIZES, "--method", "mse")
    made = ("export", parent, "--precision", "int8", "--calibrate", pictures, *how)
    assert cli(*made, "--check-sizes", SIZES, "--out", tmp_path).code == 0
    said = cli("explain", tmp_path / "net.int8.onnx", "--sizes", SIZES, "--calibrate", pictures)
    last = shlex.split(said.err.strip().splitlines()[-1].removeprefix("Next: "))
    assert last[2 : last.index("--keep")] == list(map(str, made[1:]))


@pytest.mark.usefixtures("measured_here", "empty_pictures")
def test_the_report_of_a_sweep_shows_what_was_written_beside_its_results(
    cli: Cli, quantized: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "swept"
    sweep = ("--backend", "onnxruntime", "--strategy", "static", "--sizes", SIZES)
    least = ("--processes", "1", "--rounds", "1", "--out", out)
    assert cli("bench", quantized, *sweep, *least, "--rigor", "quick").code == 0
    line = ("explain", quantized, "--sizes", SIZES, *BACKEND, "--calibrate", pictures)
    said = cli(*line, "--out", out)
    assert said.code == 0, said
    assert "sizewise report shows it" in said.err
    assert len(list(out.glob("*.layers.json"))) == 1
    assert cli("report", out / "results.sqlite").code == 0
    text = (out / "report" / "report.md").read_text(encoding="utf-8")
    section = text.split("## Layers")[1].split("\n## ")[0]
    assert all(f"| {name} " in section for name in NAMES)


def test_python_gets_the_same_in_silence(
    quantized: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = sw.explain(
        quantized,
        sizes=SIZES,
        backends="onnxruntime",
        calibrate=str(pictures),
        out=tmp_path / "explained",
    )
    assert {one.name for one in found.layers} == NAMES
    assert max(found.layers, key=lambda one: one.error or 0.0).name == layer(SPOILT)
    (record,) = read_layers(tmp_path / "explained", {found.model.sha256})
    assert (record.layers, record.engines) == (found.layers, found.engines)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(sw.SizewiseError, match="Choose from: onnxruntime, openvino"):
        sw.explain(quantized, backends="torch_eager")


def test_layers_in_8_bits_of_a_mixed_file_are_converted_and_others_are_kept(
    cli: Cli, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profile is made up: not every processor runs such a file."""
    pytest.importorskip("openvino")

    def profiled(model: ExportedModel, *_: object) -> LayerTimes:
        ms = 2.0 if model.card.precision == "fp32" else 0.5
        times = {name: LayerTime(ms=ms, precision="int8") for name in NAMES}
        return LayerTimes(total_ms=ms * len(NAMES), layers=times)

    monkeypatch.setattr("sizewise.pipeline.models.one_engine.profiled", profiled)
    parent = colour_detector(tmp_path / "net.onnx", spoilt=(SPOILT,)).path
    made = ("--precision", "int8+fp16", "--calibrate", pictures, "--calibration-sizes", SIZES)
    kept = ("--keep", layer(0), "--check-sizes", SIZES, "--out", tmp_path)
    assert cli("export", parent, *made, *kept).code == 0
    line = ("explain", tmp_path / "net.int8+fp16.onnx", "--sizes", SIZES, "--json")
    said = cli(*line, "--calibrate", pictures, "--backend", "openvino")
    assert said.code == 0, said
    layers = {one["name"]: one for one in json.loads(said.out)["layers"]}
    assert (layers[layer(0)]["requested"], layers[layer(0)]["converted"]) == ("fp16", False)
    assert layers[layer(0)]["gained_ms"] is None
    narrow = layers[layer(SPOILT)]
    assert (narrow["requested"], narrow["converted"]) == ("int8", True)
    assert narrow["gained_ms"] == pytest.approx(1.5)
