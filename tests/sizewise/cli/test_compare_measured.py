"""``sizewise compare --measure``: two models measured and compared by one command."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from bench.together import sweep_together
from engines.backends.fake import FakeSession
from sizewise.core.onnxfiles.model import read_model
from tests.bench.elsewhere import environment
from tests.bench.factories import launch_in_process, quietly
from tests.bench.models import colours
from tests.sizewise.cli.conftest import Cli

ENGINES = ("--backend", "fake", "--strategy", "static", "--threads", 1)
FEW = ("--sizes", "32,64", "--processes", 3)


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built_here: None) -> None:
    """Two models; engines of the fake back end live in this process."""
    monkeypatch.chdir(tmp_path)
    colours(tmp_path / "base.onnx")
    colours(tmp_path / "new.onnx", box=(1, 1, 9, 9))
    here = partial(sweep_together, launch=launch_in_process, watch=quietly)
    monkeypatch.setattr("bench.together.sweep_together", here)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of the new model take half as long again, with some noise."""
    sha256, plain = read_model(Path("new.onnx")).sha256, FakeSession._call_ns

    def call_ns(session: FakeSession) -> float:
        return plain(session) * (1.5 if session.artifact.model_sha256 == sha256 else 1.0)

    monkeypatch.setattr(FakeSession, "_call_ns", call_ns)


NOISE = ("--backend-option", "noise=0.01", "--backend-option", "process_sd=0.005")


@pytest.mark.usefixtures("slow")
def test_a_regression_is_found_and_written_for_the_pull_request(cli: Cli) -> None:
    asked = ("compare", "--measure", "base.onnx", "new.onnx", *ENGINES, *FEW, *NOISE)
    said = cli(*asked, "--out", "runs/gate", "--markdown", "comparison.md")
    assert said.code == 5, said
    assert said.out.startswith("Regression: 2 engines slower by more than 2 %")
    assert "Next: sizewise report runs/gate/results.sqlite" in said.err
    text = Path("comparison.md").read_text(encoding="utf-8")
    assert text.startswith("**Regression: 2 engines slower by more than 2 %**")
    assert "new.onnx against base.onnx" in text
    again = cli(*asked, "--out", "runs/gate", "--json", "--threshold", 60)
    document = json.loads(again.out)
    assert again.code == 0, "within the threshold"
    assert (document["measured"], document["skipped"]) == (0, 4)
    assert document["results"] == "runs/gate/results.sqlite"
    assert {pair["verdict"] for pair in document["pairs"]} == {"SLOWER"}
    assert {pair["how"] for pair in document["pairs"]} == {"together"}
    assert (document["base"], document["new"]) == ("base.onnx", "new.onnx")


def test_a_model_is_compared_with_itself_to_try_the_gate(cli: Cli) -> None:
    said = cli("compare", "--measure", "new.onnx", "new.onnx", *ENGINES, *FEW, *NOISE)
    assert said.code == 0, said
    assert Path("runs/compare/results.sqlite").is_file()


def test_doubts_count_where_they_are_strictly_looked_at(cli: Cli) -> None:
    asked = ("compare", "--measure", "base.onnx", "new.onnx", *ENGINES, "--sizes", "32")
    said = cli(*asked, "--processes", 1, "--rigor", "quick", "--strict")
    assert said.code == 4, said
    assert "Next: run the same command with --rigor standard, which adds processes" in said.err


def test_a_limit_of_time_is_said_with_what_goes_on(cli: Cli) -> None:
    asked = ("compare", "--measure", "base.onnx", "new.onnx", *ENGINES, *FEW)
    said = cli(*asked, "--max-minutes", 1e-9)
    assert said.code == 1
    assert "No trial could be measured: the limit of time was reached first" in said.err


def test_the_base_runs_under_another_interpreter(cli: Cli) -> None:
    there = environment(Path("there").absolute(), versions={"numpy": "1.0"})
    asked = ("compare", "--measure", "base.onnx", "--base-python", there, *ENGINES, *FEW)
    said = cli(*asked, "--markdown", "comparison.md", "--json")
    assert said.code == 0, said
    document = json.loads(said.out)
    assert (document["base"], document["new"]) == (f"base.onnx under {there}", "base.onnx")
    assert "Versions differ: numpy 1.0 → " in said.err
    assert "- Versions differ: numpy 1.0 → " in Path("comparison.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (("base.onnx", "new.onnx", "--rigor", "quick"), "--rigor can't be given here: nothing is"),
        (("base.onnx", "--out", "x"), "--out can't be given here: nothing is measured"),
        (("base.onnx", "--measure"), "base.onnx can't be compared with itself: one model is given"),
        (
            ("base.onnx", "new.onnx", "--measure", "--base-only", "threads=1"),
            "--base-only can't be given here: --measure compares all that it measures",
        ),
    ],
)
def test_options_of_the_other_kind_are_refused(cli: Cli, line: tuple[str, ...], why: str) -> None:
    said = cli("compare", *line)
    assert said.code == 2, said
    assert why in said.err


def test_a_side_that_does_not_run_is_an_error_with_its_reasons(cli: Cli) -> None:
    asked = ("compare", "--measure", "base.onnx", "new.onnx", *ENGINES, "--sizes", "32")
    failing = ("--backend-option", "fail_at=run", "--backend-option", "fail_by=error", "--json")
    said = cli(*asked, *failing)
    assert said.code == 1, said
    document = json.loads(said.out)
    assert [one["code"] for one in document["reasons"]] == ["error"]
    assert "no engine of base.onnx was measured (The fake" in document["error"]["why"]
