"""``sizewise package``, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sizewise.core.specs.stored_plan import read_plan
from sizewise.pipeline.prediction.packaging import papers
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.pipeline.prediction.packaging.plans import stored_plan

pytestmark = [pytest.mark.usefixtures("built_here"), pytest.mark.timeout(120)]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(papers, "plan_figure", lambda plan: None)  # drawing takes seconds
    monkeypatch.setattr(papers, "save", lambda figure, path: None)
    stored_plan(tmp_path / "plan")
    return tmp_path / "plan"


def test_what_it_says(plan: Path, tmp_path: Path, cli: Cli) -> None:
    said = cli("package", plan, "--target", "folder", "--out", tmp_path / "package")
    assert said.code == 0, said
    assert "finder: 3 engines" in said.out
    assert "onnxruntime-static-64x64" in said.out
    assert "Package: " in said.out
    assert "README.md" in said.err
    again = cli(
        *("package", plan / "plan.json", "--target", "triton"),
        *("--out", tmp_path / "package", "--name", "street", "--json"),
    )
    assert again.code == 0, again
    document = json.loads(again.out)
    assert (document["target"], document["name"]) == ("triton", "street")
    assert set(document["engines"].values()) == {"Triton's back end onnxruntime"}
    assert set(document["differences"].values()) == {0.0}
    assert (tmp_path / "package" / "models" / "street").is_dir()
    assert read_plan(tmp_path / "package" / "plan").engines


def test_mistakes_are_sentences(plan: Path, tmp_path: Path, cli: Cli) -> None:
    out = ("--out", tmp_path / "package")
    missing = cli("package", plan, *out)
    assert missing.code == 2
    assert "--target" in missing.err
    absent = cli("package", tmp_path / "absent", "--target", "folder", *out)
    assert absent.code == 1
    assert "is no plan of sizewise" in absent.err
    unsaid = cli("package", plan, "--target", "kserve", *out)
    assert unsaid.code == 2
    assert "--target kserve needs --storage-uri" in unsaid.err
    (plan / "finder.onnx").unlink()
    gone = cli("package", plan, "--target", "folder", *out)
    assert gone.code == 1
    assert "--models" in gone.err
    assert "Traceback" not in gone.err
    assert not (tmp_path / "package").exists()
