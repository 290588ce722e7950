"""docs/regressions.md: the steps of its workflow are run, as GitHub runs them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.elsewhere import environment, program
from tests.bench.models import colours

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "regressions.md").read_text(encoding="utf-8")
QUICK = "--sizes 64 --processes 1"
"""So no verdict is given, whatever else runs on this machine."""
SIZEWISE = f'exec {shlex.quote(sys.executable)} -c "from sizewise.cli import main; main()" "$@"'
REGRESSED = ('echo "**Regression: 1 engine**" > comparison.md', "exit 5")


@dataclass(frozen=True)
class Step:
    name: str
    run: str
    always: bool


def block(name: str) -> str:
    text = PAGE.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    found = re.search(r"```\w*\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def steps() -> Iterator[Step]:
    """Those of the workflow that run a script."""
    text = block("workflow").split("    steps:\n")[1]
    for one in text.split("\n      - "):
        name = re.search(r"name: (.+)", one)
        found = re.search(r"^ *run: (?:\|\n((?: {10}.*\n?)+)|(.+))", one, re.MULTILINE)
        if name and found:
            script = re.sub(r"^ {10}", "", found[1] or f"{found[2]}\n", flags=re.MULTILINE)
            yield Step(name[1], script, always="!cancelled()" in one)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Two checkouts, and programs that are not to be run here: these write down what they got."""
    for side, box in (("base", (0, 0, 8, 8)), ("new", (1, 1, 9, 9))):
        (tmp_path / side).mkdir()
        colours(tmp_path / side / "detector.onnx", box=box)
    (tmp_path / "bin").mkdir()
    called = shlex.quote(f"{tmp_path}/called")
    for name in ("pip", "gh"):
        program(tmp_path / "bin" / name, f'echo "{name} $*" >> {called}')
    return tmp_path


def ran(desk: Path, script: str, **variables: str) -> int:
    """The exit code of a script, in the shell that GitHub takes."""
    path = f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}"
    known: Mapping[str, str] = {
        **{"PATH": path, "SIZEWISE": "sizewise[cpu]", "NUMBER": "7"},
        **{"GITHUB_STEP_SUMMARY": str(desk / "summary.md"), "PYTHONPATH": str(ROOT)},
    }
    command = ["bash", "-eo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=desk, env=os.environ | known | variables, check=False)
    return done.returncode


def job(desk: Path) -> dict[str, int]:
    """The exit code of each step that is run; one that failed ends the others, but for those that
    are always run."""
    codes: dict[str, int] = {}
    for step in steps():
        if step.always or not any(codes.values()):
            codes[step.name] = ran(desk, step.run)
    return codes


def test_the_workflow_compares_both_models_and_tells_the_pull_request(desk: Path) -> None:
    pytest.importorskip("onnxruntime")
    program(desk / "bin" / "sizewise", f"{SIZEWISE} {QUICK}")
    assert job(desk) == {"Install": 0, "Compare": 0, "Tell": 0}
    comparison = (desk / "comparison.md").read_text(encoding="utf-8")
    assert comparison.startswith("**No answer yet: 1 engine, ")
    assert "new/detector.onnx against base/detector.onnx" in comparison
    assert (desk / "summary.md").read_text(encoding="utf-8") == comparison
    assert (desk / "runs" / "compare" / "results.sqlite").is_file()
    assert (desk / "called").read_text(encoding="utf-8").splitlines() == [
        "pip install sizewise[cpu]",
        "gh pr comment 7 --body-file comparison.md --edit-last --create-if-none",
    ]


def test_a_regression_fails_the_job_and_is_told_all_the_same(desk: Path) -> None:
    program(desk / "bin" / "sizewise", *REGRESSED)
    assert job(desk) == {"Install": 0, "Compare": 5, "Tell": 0}
    assert "Regression" in (desk / "summary.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_base_may_be_under_another_version_of_a_runtime(desk: Path) -> None:
    """The environment is made here, and claims another version: nothing is fetched."""
    pytest.importorskip("onnxruntime")
    environment(desk / "old", versions={"onnxruntime": "1.23.2"})
    program(desk / "old" / "bin" / "pip", f'echo "pip $*" >> {shlex.quote(f"{desk}/called")}')
    program(desk / "bin" / "python", "exit 0")
    program(desk / "bin" / "sizewise", f"{SIZEWISE} {QUICK} --strategy static")
    (desk / "base" / "detector.onnx").rename(desk / "detector.onnx")
    assert ran(desk, block("runtime")) == 0
    called = (desk / "called").read_text(encoding="utf-8")
    assert called == "pip install sizewise[cpu] onnxruntime==1.23.2\n"
    comparison = (desk / "comparison.md").read_text(encoding="utf-8")
    assert "detector.onnx under old/bin/python" in comparison
    assert "Versions differ: onnxruntime 1.23.2 → " in comparison


def test_the_codes_of_the_page_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| (\d) \| (pass|stop) \|", PAGE, re.MULTILINE)
    assert rows == [("0", "pass"), *((str(code), "stop") for code in range(1, 6))]
