"""Another Python: what it says of itself, why it is refused, and what it builds and runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.interpreter import read_interpreter
from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.together import Together, sweep_together
from sizewise._version import __version__
from sizewise.core.errors import InputError
from sizewise.core.machine.environment import read_environment
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel
from tests.bench.elsewhere import environment, program
from tests.bench.factories import quietly
from tests.bench.models import colours

ANOTHER = "import sizewise._version as it; it.__version__ = '0.0.1'"


def older(folder: Path) -> Path:
    """An environment with a sizewise that knows nothing of its parent's children."""
    package = folder / "packages" / "sizewise"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return environment(folder / "there", imports=[package.parent])


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "absent": (lambda folder: folder / "absent", "there is no program of this name"),
    "no python": (
        lambda folder: program(folder / "python", "echo no >&2", "exit 3"),
        r"does not answer there \(the process ended with exit_3; it last printed: no\)",
    ),
    "no sizewise": (
        lambda folder: environment(folder / "there", imports=[]),
        r"No module named 'sizewise'",
    ),
    "too old": (older, r"does not answer there .*No module named 'sizewise\.core'"),
    "another version": (
        lambda folder: environment(folder / "there", first=ANOTHER),
        r"its sizewise is 0\.0\.1, with harness \d+; this is ",
    ),
    "silent": (
        lambda folder: program(folder / "python", "exec sleep 600"),
        r"does not answer there \(it was stopped",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_one_that_can_not_be_used_is_refused_with_its_reason(tmp_path: Path, kind: str) -> None:
    make, why = REFUSED[kind]
    path = make(tmp_path)
    with pytest.raises(InputError, match=why) as caught:
        read_interpreter(path, timeout_s=1 if kind == "silent" else 60)
    assert caught.value.what == f"The interpreter {path} can't measure the base"
    install = f"{path} -m pip install 'sizewise[cpu]=={__version__}'"
    assert kind == "absent" or install in caught.value.todo


def test_it_says_what_it_has(tmp_path: Path) -> None:
    path = environment(tmp_path / "there", versions={"onnxruntime": "0.9"})
    there, here = read_interpreter(path), read_environment()
    assert there.path == str(path)
    assert there.versions["onnxruntime"] == there.environment.packages["onnxruntime"] == "0.9"
    assert there.versions["fake"] == "1"
    assert there.environment.fingerprint == here.fingerprint


def measured(
    model: ExportedModel, python: Path, backend: str, folder: Path, processes: int = 1
) -> Together:
    given = {"backends": [backend], "strategies": ["static"], "sizes": "64", "threads": 1}
    few = {"processes": processes, "rounds": 1, "block_s": 0}
    settings = fill(SweepSettings, given | few)
    there = read_interpreter(python)
    return sweep_together(model, model, settings, folder, interpreter=there, watch=quietly)


def test_each_side_is_measured_with_its_own_version(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = colours(tmp_path / "colours.onnx")
    python = environment(tmp_path / "there", versions={"onnxruntime": "0.9"})
    found = measured(model, python, "onnxruntime", tmp_path / "out")
    assert (found.outcome.measured, found.outcome.statuses) == (2, {"ok": 2})
    with Store.open(found.outcome.results, read_only=True) as store:
        runs, results = store.runs(), store.results()
    versions = "0.9", runs[1].environment.packages["onnxruntime"]
    for run, side, version in zip(runs, (found.base, found.new), versions, strict=True):
        (result,) = run.results
        assert run.environment.packages["onnxruntime"] == result.trial.backend_version == version
        assert [results[one].trial for one in side] == [result.trial]
    assert runs[0].results[0].blocks[0].wave == runs[1].results[0].blocks[0].wave, "by turns"
    again = measured(model, python, "onnxruntime", tmp_path / "out", processes=2)
    assert (again.outcome.measured, again.outcome.skipped) == (2, 0)
    assert (again.base, again.new) == (found.base, found.new)
    whole = measured(model, python, "onnxruntime", tmp_path / "out", processes=2)
    assert (whole.outcome.measured, whole.outcome.skipped) == (0, 2)


def test_what_is_missing_there_is_unsupported_on_the_base_side_alone(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = colours(tmp_path / "colours.onnx")
    hidden = "import sys; sys.modules['onnxruntime'] = None"
    python = environment(tmp_path / "there", first=hidden)
    found = measured(model, python, "onnxruntime", tmp_path / "out")
    with Store.open(found.outcome.results, read_only=True) as store:
        results = store.results()
    (base,), (new,) = ([results[one] for one in side] for side in (found.base, found.new))
    assert new.status == "ok"
    assert base.status in ("unsupported", "failed")
    assert base.reason


def test_the_same_python_is_another_side_too(tmp_path: Path) -> None:
    """So a gate can be tried with two sides that are alike."""
    model = colours(tmp_path / "colours.onnx")
    found = measured(model, environment(tmp_path / "there"), "fake", tmp_path / "out")
    assert not found.base & found.new
    assert found.outcome.statuses == {"ok": 2}
