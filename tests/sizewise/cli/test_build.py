"""``sizewise build``: what was built, what it runs in, and how far it is from FP32."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from engines import comparing
from sizewise.cli import console
from sizewise.core.children.failures import too_late
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size
from sizewise.pipeline.models.one_engine import build_engine
from tests.engines.nets import write_net
from tests.engines.test_comparing import with_parent
from tests.engines.typed_nets import write_quantized_net
from tests.sizewise.cli.conftest import Cli

pytest.importorskip("onnxruntime")


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    """In int8, with its parent beside it."""
    parent = write_net(tmp_path / "small.onnx")
    return with_parent(tmp_path / "small.int8.onnx", parent.sha256).path


def engines(said: str) -> Any:
    return json.loads(said)["engines"]


def test_an_engine_is_held_against_its_parent(cli: Cli, quantized: Path, tmp_path: Path) -> None:
    command = ("build", quantized, "--sizes", "64x96,96", "--out", tmp_path / "o")
    said = cli(*command, "--strategy", "dynamic", "--json")
    assert said.code == 0, said
    (engine,) = engines(said.out)
    differences = engine["compared"]["differences"]
    assert {d["output"] for d in differences} == {"boxes"}
    assert len(differences) == 2
    assert all(0 < d["max_abs_error"] < d["absmax"] for d in differences)
    largest = max(d["max_abs_error"] for d in differences)
    table = cli(*command, "--strategy", "dynamic").out
    assert f"boxes {largest:.2g} (of " in table
    assert "int8" in table


@pytest.mark.usefixtures("in_process")
def test_it_is_compared_on_what_the_model_is_given(
    cli: Cli, quantized: Path, tmp_path: Path
) -> None:
    command = ("build", quantized, "--sizes", "64", "--strategy", "static", "--out", tmp_path / "o")
    (near,) = engines(cli(*command, "--json").out)
    said = cli(*command, "--range", "0-255")
    (line,) = [line for line in said.err.splitlines() if line.startswith("Next: ")]
    assert line.endswith("--range 0-255")
    (far,) = engines(cli(*command, "--range", "0-255", "--json").out)
    assert far["path"] == near["path"]
    largest = [max(d["absmax"] for d in e["compared"]["differences"]) for e in (near, far)]
    assert largest[1] > 10 * largest[0]


@pytest.mark.usefixtures("in_process")
def test_an_engine_without_a_parent_says_so(cli: Cli, tmp_path: Path) -> None:
    alone = write_quantized_net(tmp_path / "alone.onnx").path
    command = ("build", alone, "--sizes", "64", "--strategy", "static", "--out", tmp_path / "o")
    assert "FP32 file not found beside the model" in cli(*command).out
    parent = write_net(tmp_path / "elsewhere.onnx").path
    (engine,) = engines(cli(*command, "--parent", parent, "--json").out)
    assert engine["compared"]["differences"]


@pytest.mark.usefixtures("in_process")
def test_a_parent_that_does_not_fit_is_refused(
    cli: Cli, quantized: Path, tiny_model: Path, tmp_path: Path
) -> None:
    said = cli("build", quantized, "--parent", tiny_model, "--out", tmp_path / "o")
    assert said.code == 1
    assert "it has no output boxes" in said.err


@pytest.mark.usefixtures("in_process")
def test_an_engine_in_another_precision_is_not_built_unless_that_is_allowed(
    cli: Cli, quantized: Path, tmp_path: Path
) -> None:
    command = ("build", quantized, "--sizes", "64", "--strategy", "static", "--out", tmp_path / "o")
    both = cli(*command, "--graph-fusion", "none,all", "--json")
    assert both.code == 3
    assert len(engines(both.out)) == 1
    (refused,) = json.loads(both.out)["refused"]
    assert refused["reason_code"] == "unsupported_precision"
    assert "they run in fp32" in refused["why"]
    alone = cli(*command, "--graph-fusion", "none")
    assert alone.code == 1
    assert "--allow-fallback" in alone.err
    allowed = cli(*command, "--graph-fusion", "none", "--allow-fallback", "--json")
    (engine,) = engines(allowed.out)
    convolutions = [x for x in engine["achieved"]["layers"] if x["kind"] == "Conv"]
    assert {x["precision"] for x in convolutions} == {"fp32"}


@pytest.mark.usefixtures("in_process")
def test_judging_numbers_takes_any_engine_and_says_what_it_runs_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("engines.backends.onnxruntime.OnnxRuntime.default_graph_fusion", "none")
    model = read_model(write_quantized_net(tmp_path / "net.onnx").path)
    artifact = build_engine(
        model, "onnxruntime", [Size(64, 64)], tmp_path / "engines", reporter=console.reporter()
    )
    assert artifact.achieved.summary == "fp32"
    told = capsys.readouterr().err
    assert "onnxruntime does not run net.onnx in the precision of the file: none of its 3" in told


@pytest.mark.usefixtures("in_process")
def test_the_next_step_of_a_fixed_file_is_one_that_it_takes(cli: Cli, tmp_path: Path) -> None:
    model = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96), card=None)
    said = cli("build", model.path, "--backend", "fake", "--out", tmp_path / "engines")
    lines = (said.out + said.err).splitlines()
    (step,) = (line for line in lines if line.startswith("Next: "))
    assert "--strategy static --sizes 64x96" in step
    measured = cli(*shlex.split(step)[2:], "--dry-run", "--out", tmp_path / "measured")
    assert measured.code == 0, measured


def test_a_comparison_has_a_limit_of_its_own_that_its_error_names(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []

    def hang(target: str, arguments: object, *, timeout_s: float, **_: object) -> None:
        limits.append(timeout_s)
        raise too_late(target, timeout_s, 3, "")

    monkeypatch.setattr(comparing, "run_in_child", hang)
    model = write_net(tmp_path / "small.onnx").path
    command = ("build", model, "--sizes", "64", "--strategy", "static", "--out", tmp_path / "o")
    said = cli(*command, "--compare-timeout-s", "7", "--json")
    assert said.code == 3
    (failed,) = json.loads(said.out)["failed"]
    assert failed["reason_code"] == "not_compared"
    assert "compare_engine did not end within 7 s" in failed["why"]
    assert failed["todo"].startswith("Raise the limit with --compare-timeout-s, or")
    cli(*command)
    assert limits == [7, 600]
