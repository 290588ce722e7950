"""``sizewise explain``: what each layer costs and saves, and what to do next."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from sizewise.core.specs import Size
from sizewise.pipeline.explain import ExplainedLayer, LayerRun
from tests.bench.pictures import write_pictures
from tests.exporter.small_nets import picture_set
from tests.sizewise.cli.colour_nets import LAYERS, colour_detector, layer
from tests.sizewise.cli.conftest import Cli, write_tiny

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


def explained(name: str, **known: Any) -> ExplainedLayer:
    gained = known.pop("gained", None)
    run = LayerRun(backend="fake", size=Size(32, 32), gained_ms=gained)
    return ExplainedLayer(
        name=name, requested="int8", converted=known.pop("converted", True), runs=(run,), **known
    )


def test_layers_are_sorted_by_what_they_cost_per_ms() -> None:
    layers = [
        explained("kept", error=0.9, gained=0.0, converted=False),
        explained("unmeasured", gained=1.0),
        explained("unknown gain", error=0.5),
        explained("cheap", error=0.1, gained=1.0),
        explained("dear", error=0.1, gained=0.1),
        explained("harmless", error=0.4, accuracy_loss=-0.1, gained=0.1),
        explained("costs points", error=0.3, accuracy_loss=2.0, gained=1.0),
        explained("only costs", error=0.2, accuracy_loss=0.1, gained=-0.1),
    ]
    ordered = [one.name for one in sorted(layers, key=lambda one: one.rank)]
    assert ordered[:3] == ["only costs", "costs points", "harmless"]
    assert ordered[3:6] == ["dear", "cheap", "unknown gain"]
    assert set(ordered[6:]) == {"kept", "unmeasured"}
