"""Engines beside themselves with subnormal numbers taken as zero, by a scripted clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.remote import RemoteWorker
from bench.sweep import sweep
from bench.timing.flushing import NOTABLE_SHARE, PAIRS, remark_on
from bench.waves.launch import Launch, Limits
from engines.backends.fake import Fake
from engines.subnormals import wants_flush
from sizewise.core.errors import BuildError, InferenceError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import fill
from sizewise.core.progress import Silent
from sizewise.core.specs import ExportedModel
from sizewise.core.trials import NOTICEABLE, FirstCall, Flushing, Result
from tests.bench.factories import InProcess, launch_in_process, quietly, trial
from tests.bench.models import colours

pytestmark = pytest.mark.usefixtures("built_here")

QUICK: dict[str, Any] = {
    "backends": ["fake"],
    "strategies": ["static"],
    "sizes": "32",
    "processes": 2,
    "rounds": 2,
    "block_s": 0,
    "threads": 1,
}
WEIGHTS = 10_000


def with_subnormals(path: Path, share: float = 0.05) -> ExportedModel:
    """A network whose weights hold that share of them."""
    colours(path)
    proto = onnx.load(path)
    weights = np.ones(WEIGHTS, np.float32)
    weights[: round(share * WEIGHTS)] = 1e-40
    proto.graph.initializer.append(numpy_helper.from_array(weights, "more"))
    onnx.save(proto, path)
    return read_model(path)


class Heard(Silent):
    """What a user is told."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def remark(self, text: str) -> None:
        self.remarks.append(text)


def swept(
    out: Path, model: ExportedModel, launch: Launch = launch_in_process, **keys: Any
) -> tuple[list[str], list[Result]]:
    """The remarks of a sweep, and the results on file after it."""
    heard = Heard()
    settings = fill(SweepSettings, QUICK | keys)
    outcome = sweep([model], settings, out, progress=heard, launch=launch, watch=quietly)
    with Store.open(outcome.results, read_only=True) as store:
        return heard.remarks, [result for run in store.runs() for result in run.results]


def compared(result: Result) -> list[Flushing]:
    return [one.flushing for one in result.first_calls if one.flushing]


def test_what_it_changes_is_measured_once_and_said(tmp_path: Path) -> None:
    model = with_subnormals(tmp_path / "net.onnx")
    said, (result,) = swept(tmp_path / "out", model, options=["subnormal_cost=4"])
    (found,) = compared(result)
    assert len(result.first_calls) == 2
    assert found.share == pytest.approx(0.05, rel=0.01)
    assert len(found.as_is_ns) == len(found.flushed_ns) == PAIRS
    as_is_ns = 4 * (100_000 + 20 * 32 * 32)
    assert (found.as_is_ms, found.flushed_ms) == pytest.approx((as_is_ns / 1e6, as_is_ns / 4e6))
    assert found.ratio == pytest.approx(0.25)
    (remark,) = said
    assert "0.12 ms" in remark
    assert "0.482 ms" in remark
    assert "5 % of the weights" in remark
    assert "options flush_subnormals=true" in remark
    # More waves of the same trial compare no more, and say nothing.
    said, (again,) = swept(tmp_path / "out", model, options=["subnormal_cost=4"], processes=4)
    assert said == []
    assert compared(again) == [found]
    assert len(again.first_calls) == 4


def test_rows_and_samples_are_those_that_were_requested(tmp_path: Path) -> None:
    _, (result,) = swept(
        tmp_path / "out", with_subnormals(tmp_path / "net.onnx"), options=["subnormal_cost=4"]
    )
    assert result.trial.cell.options == "subnormal_cost=4.0"
    assert len(result.blocks) == 4
    assert {ns for block in result.blocks for ns in block.warm_ns} == {4 * (100_000 + 20 * 32**2)}


@pytest.mark.parametrize(
    ("share", "options", "measured", "remarks"),
    [
        (0.0, ["subnormal_cost=4"], False, 0),
        (NOTABLE_SHARE / 2, ["subnormal_cost=4"], False, 0),
        (2 * NOTABLE_SHARE, ["subnormal_cost=4"], True, 1),
        (0.05, ["subnormal_cost=1.1"], True, 0),
        (0.05, [], True, 0),
        (0.05, ["subnormal_cost=0.5"], True, 1),
        (0.05, ["subnormal_cost=4", "flush_subnormals=true"], False, 0),
    ],
)
def test_it_is_measured_where_weights_hold_some_and_said_where_it_matters(
    tmp_path: Path, share: float, options: list[str], measured: bool, remarks: int
) -> None:
    model = with_subnormals(tmp_path / "net.onnx", share)
    said, (result,) = swept(tmp_path / "out", model, options=options)
    assert len(compared(result)) == measured
    assert len(said) == remarks


def failing(in_call: str) -> Launch:
    """Workers, of which those of engines with the option fail in one of their calls."""

    class Failing(InProcess):
        flushes = False

        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            given = super().call(method, arguments, timeout_s=timeout_s)
            if method == "__init__":
                self.flushes = wants_flush(self._worker._artifact.spec.options)
            if self.flushes and method == in_call:
                raise InferenceError("It broke", "it was told to", "Nothing.")
            return given

    return lambda limits: RemoteWorker(Failing(), timeout_s=limits.timeout_s)


@pytest.mark.parametrize("call", ["__init__", "open", "measure"])
def test_a_twin_that_fails_costs_the_trial_nothing(tmp_path: Path, call: str) -> None:
    model = with_subnormals(tmp_path / "net.onnx")
    options = ["subnormal_cost=4"]
    said, (result,) = swept(tmp_path / "out", model, launch=failing(call), options=options)
    assert said == []
    assert (result.status, result.reason, len(result.blocks)) == ("ok", "", 4)
    assert compared(result) == []
    assert "It broke" in result.first_calls[0].failures["flushing"]
    assert result.memory


def test_a_twin_that_can_t_be_built_leaves_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Fake._build

    def refuse(self: Fake, model: ExportedModel, spec: Any, folder: Path) -> None:
        if spec.options.flush_subnormals:
            raise BuildError("No such engine", "it was told so", "Nothing.")
        build(self, model, spec, folder)

    monkeypatch.setattr(Fake, "_build", refuse)
    _, (result,) = swept(
        tmp_path / "out", with_subnormals(tmp_path / "net.onnx"), options=["subnormal_cost=4"]
    )
    assert (result.status, len(result.blocks)) == ("ok", 4)
    assert "No such engine" in result.first_calls[0].failures["flushing"]


def test_the_processes_of_twins_are_closed(tmp_path: Path) -> None:
    counts = {"started": 0, "closed": 0}

    class Counting(InProcess):
        def __init__(self) -> None:
            super().__init__()
            counts["started"] += 1

        def close(self) -> None:
            counts["closed"] += 1
            super().close()

    def launch(limits: Limits) -> RemoteWorker:
        return RemoteWorker(Counting(), timeout_s=limits.timeout_s)

    swept(tmp_path / "out", with_subnormals(tmp_path / "net.onnx"), launch=launch)
    assert counts == {"started": 3, "closed": 3}


times = st.lists(st.floats(1e3, 1e9), min_size=1, max_size=9)


@given(as_is=times, factor=st.floats(0.01, 100))
def test_what_every_pair_agrees_on_matters_beyond_a_fifth(
    as_is: list[float], factor: float
) -> None:
    flushed = tuple(factor * ns for ns in as_is)
    found = Flushing(share=0.1, as_is_ns=tuple(as_is), flushed_ns=flushed)
    assert found.ratio == pytest.approx(factor)
    if abs(abs(factor - 1) - NOTICEABLE) > 1e-6:
        assert found.matters == (abs(factor - 1) > NOTICEABLE)
    assert bool(remark_on(trial(), found)) == found.matters


@given(as_is=times, ratios=st.data())
def test_pairs_that_disagree_never_matter(as_is: list[float], ratios: st.DataObject) -> None:
    drawn = ratios.draw(st.lists(st.floats(0.01, 100), min_size=len(as_is), max_size=len(as_is)))
    flushed = [ns * ratio for ns, ratio in zip(as_is, drawn, strict=True)]
    given = Flushing(share=0.1, as_is_ns=(*as_is, 100.0, 100.0), flushed_ns=(*flushed, 50.0, 200.0))
    assert not given.matters
    assert given.ratio == pytest.approx(float(np.median([*drawn, 0.5, 2.0])))


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert FirstCall(wave=0, open_ns=1).flushing is None
    assert remark_on(trial(), None) == ""


def test_the_fake_engine_costs_what_its_options_say(tmp_path: Path) -> None:
    """Else the tests above would be of something else."""
    model = colours(tmp_path / "net.onnx")
    took = {}
    for flush in ("false", "true"):
        options = ["subnormal_cost=3", f"flush_subnormals={flush}"]
        _, (result,) = swept(tmp_path / flush, model, options=options)
        took[flush] = result.blocks[0].warm_ns[0]
    assert took["false"] == pytest.approx(3 * took["true"])
