"""Two models measured by turns: a planted slow-down is found, equal ones stay quiet."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import interpreter
from bench.interpreter import Interpreter
from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.remote import RemoteWorker
from bench.together import Together, sweep_together
from bench.waves.launch import Limits
from engines.backends.fake import FakeSession
from reports.comparison.comparing import Comparison
from sizewise.core.exit_codes import ExitCode
from sizewise.core.machine.environment import read_environment
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel
from sizewise.pipeline.records.compare import Compared, CompareOptions
from sizewise.pipeline.records.together import Measured, compare_measured
from tests.bench.factories import launch_in_process, quietly
from tests.bench.long.scripted import scripted
from tests.bench.models import colours
from tests.bench.restless import restlessly

FEW: dict[str, Any] = {
    **{"backends": ["fake"], "strategies": ["static"], "sizes": "32,64", "threads": 1},
    **{"processes": 2, "rounds": 2, "block_s": 0},
}
NOISY = ("noise=0.01", "process_sd=0.005", "drift=0.02", "burst_probability=0.01")
"""A quiet machine; disturbances of rounds come on top."""


@pytest.fixture
def base(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "base.onnx")


@pytest.fixture
def new(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "new.onnx", box=(1, 1, 9, 9))


def together(out: Path, base: ExportedModel, new: ExportedModel, **keys: Any) -> Together:
    there = keys.pop("interpreter", None)
    launch = keys.pop("launch", launch_in_process)
    settings = fill(SweepSettings, FEW | keys)
    return sweep_together(base, new, settings, out, interpreter=there, launch=launch, watch=quietly)


def compared(found: Together) -> Compared:
    return compare_measured(Measured(found=found, base="old", new="new"), CompareOptions())


@contextmanager
def slowed(model: ExportedModel, factor: float) -> Iterator[None]:
    """Calls of a model's engines take so many times as long."""
    plain = FakeSession._call_ns

    def call_ns(session: FakeSession) -> float:
        is_it = session.artifact.model_sha256 == model.sha256
        return plain(session) * (factor if is_it else 1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeSession, "_call_ns", call_ns)
        yield


def gated(
    base: ExportedModel,
    new: ExportedModel,
    out: Path,
    seed: int,
    *,
    factor: float = 1.0,
    sizes: int = 2,
) -> Comparison:
    """What a gate says of two models, on a scripted clock."""
    last = 32 * (1 + sizes)
    settings = fill(
        SweepSettings,
        FEW
        | {"sizes": f"64:{last}:32", "options": (f"seed={seed}", *NOISY), "processes": 0}
        | {"rounds": 12, "block_s": 0.06, "rigor": "standard", "seed": seed},
    )
    with scripted(seed), slowed(new, factor), pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.worker.time", time)  # engines of the script load in no time
        found = sweep_together(
            base,
            new,
            settings,
            out,
            launch=launch_in_process,
            watch=restlessly(seed, 0.05),
        )
    return compared(found).comparison


def test_a_planted_slow_down_of_five_percent_is_found(
    base: ExportedModel, new: ExportedModel, tmp_path: Path
) -> None:
    for seed in range(3):
        found = gated(base, new, tmp_path / str(seed), seed, factor=1.05)
        assert len(found.regressions) == len(found.pairs) == 2
        assert found.regressed
        assert all(pair.judged.ratio.how == "together" for pair in found.pairs)
        assert all(1.03 < pair.judged.ratio.ratio < 1.07 for pair in found.pairs)


def quiet_pairs(model: ExportedModel, folder: Path, sweeps: int, sizes: int) -> int:
    """How many pairs of one model with itself no gate minds."""
    count = 0
    for seed in range(sweeps):
        found = gated(model, model, folder / str(seed), seed, sizes=sizes)
        assert not found.regressed
        count += len(found.pairs)
    return count


@pytest.mark.usefixtures("built_here")
def test_a_model_beside_itself_stays_quiet(base: ExportedModel, tmp_path: Path) -> None:
    assert quiet_pairs(base, tmp_path, sweeps=2, sizes=5) == 10


@pytest.mark.slow
def test_two_hundred_pairs_of_a_model_beside_itself_stay_quiet(
    base: ExportedModel, tmp_path: Path
) -> None:
    assert quiet_pairs(base, tmp_path, sweeps=20, sizes=10) == 200


@pytest.mark.usefixtures("built_here")
def test_the_same_call_goes_on(base: ExportedModel, new: ExportedModel, tmp_path: Path) -> None:
    first = together(tmp_path / "out", base, new, processes=1)
    again = together(tmp_path / "out", base, new, processes=2)
    whole = together(tmp_path / "out", base, new, processes=2)
    assert [one.outcome.measured for one in (first, again, whole)] == [4, 4, 0]
    with Store.open(whole.outcome.results, read_only=True) as store:
        assert len(store.runs()) == 2, "the last call measured nothing"
        waves = [{b.wave for b in one.blocks} for one in store.results().values()]
    assert [len(one) for one in waves] == [2] * 4
    other = colours(tmp_path / "other.onnx", box=(2, 2, 9, 9))
    together(tmp_path / "out", other, new, processes=2)
    found = compared(whole).comparison
    assert len(found.pairs) == 2
    assert not found.pairing.only_base, "other models in the file are left alone"


@pytest.mark.usefixtures("built_here")
def test_trials_of_another_interpreter_are_of_a_run_of_their_own(
    base: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another Python, too, whose results a report leaves out."""
    here = read_environment()
    there = Interpreter(
        path="/there/python",
        environment=replace(here, python="3.99.0", packages={"numpy": "9.9"}),
        versions={"fake": "0.9"},
    )
    started: list[str] = []

    def launch(limits: Limits) -> RemoteWorker:
        started.append(limits.python)
        return launch_in_process(limits)

    def run_here(target: str, arguments: dict[str, Any], **limits: Any) -> Any:
        assert limits["python"] == "/there/python"
        module, _, name = target.partition(":")
        return getattr(importlib.import_module(module), name)(**arguments)

    monkeypatch.setattr(interpreter, "run_in_child", run_here)
    found = together(tmp_path / "out", base, base, interpreter=there, launch=launch)
    assert sorted(started) == [""] * 4 + ["/there/python"] * 4
    with Store.open(found.outcome.results, read_only=True) as store:
        first, second = store.runs()
    assert (first.environment, second.environment) == (there.environment, here)
    assert {one.trial.backend_version for one in first.results} == {"0.9"}
    assert {one.trial.backend_version for one in second.results} == {"1"}
    said = compared(found)
    assert len(said.comparison.pairs) == 2
    versions, others = said.remarks
    assert versions.startswith("Versions differ: numpy 9.9 → ")
    assert others.startswith("Only the new side has ")


@pytest.mark.usefixtures("built_here")
def test_a_cell_that_one_side_lacks_is_no_pass(
    base: ExportedModel, new: ExportedModel, tmp_path: Path
) -> None:
    found = together(tmp_path / "out", base, new)
    assert compared(found).exit_code == ExitCode.OK
    lacking = replace(found, new=frozenset([*found.new][:1]))
    said = compared(lacking)
    assert len(said.comparison.pairing.only_base) == 1
    assert said.exit_code == ExitCode.FAILED
