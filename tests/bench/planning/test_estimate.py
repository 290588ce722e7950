"""What is foreseen of a sweep's time, against sweeps by a scripted clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.planning.estimate import Estimate, estimate
from bench.planning.settings import SweepSettings
from bench.remote import RemoteWorker
from bench.running import PICTURES
from bench.sweep import RESULTS, sweep
from bench.timing import harness
from bench.timing.harness import Turn, time_turn
from bench.waves.launch import Limits
from bench.waves.member import APART_WAVES
from engines.backends._timeline import TIMELINE
from engines.backends.fake import Fake, FakeOptions
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel
from sizewise.core.trials import Reading, Sample
from tests.bench.factories import InProcess, Quiet
from tests.bench.models import colours

pytestmark = pytest.mark.usefixtures("built_here")

CALL_S, OPENING_S = 0.01, 2.0
ONE: dict[str, Any] = {
    "backends": ["fake"],
    "strategies": ["static"],
    "sizes": "32",
    "processes": 2,
    "threads": 1,
}


@dataclass(frozen=True, kw_only=True)
class Steady(FakeOptions):
    """A call at 32x32 takes what an unknown one is taken to."""

    base_ns: float = 0.0
    ns_per_pixel: float = CALL_S * 1e9 / 32**2
    dynamic_cost: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Slow(FakeOptions):
    base_ns: float = 2e9


class Script:
    """The clock of a sweep: calls of engines and of the anchor, pauses and openings move it."""

    def __init__(self, patch: pytest.MonkeyPatch, *, disturbed: bool) -> None:
        self.turns: list[str] = []
        self._disturbed = disturbed
        patch.setattr(Fake, "options_type", Steady)
        known = {name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
        patch.setattr(harness, "time", SimpleNamespace(**known | {"sleep": self.sleep}))

    def sleep(self, seconds: float) -> None:
        TIMELINE.advance(seconds * 1e9)

    def launch(self, limits: Limits) -> RemoteWorker:
        script = self

        class Worker(InProcess):
            def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
                if method == "open":
                    script.sleep(OPENING_S)
                if method == "measure":
                    script.turns.append("engine")
                return super().call(method, arguments, timeout_s=timeout_s)

        return RemoteWorker(Worker(), timeout_s=limits.timeout_s)

    @contextmanager
    def watch(self, limits: Limits, remark: Callable[[str], None]) -> Iterator[Quiet]:
        del limits, remark
        script = self

        class Watch(Quiet):
            def measure_anchor(self, turn: Turn) -> Sample | None:
                script.turns.append("anchor")
                return time_turn(lambda: script.sleep(CALL_S), TIMELINE.now, turn)

            def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
                del reading, anchor
                return ("load",) if script._disturbed else ()

        yield Watch()

    def sweep(self, model: ExportedModel, out: Path, keys: dict[str, Any]) -> float:
        """Measure all that is missing, and give the seconds that it took."""
        self.turns.clear()
        began_ns = TIMELINE.now()
        settings = fill(SweepSettings, ONE | keys)
        outcome = sweep([model], settings, out, launch=self.launch, watch=self.watch)
        assert outcome.unfinished == 0
        return (TIMELINE.now() - began_ns) / 1e9


@pytest.fixture
def model(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "colours.onnx")


def foreseen(model: ExportedModel, out: Path, **keys: Any) -> Estimate:
    return estimate([model], fill(SweepSettings, ONE | keys), out / RESULTS)


@pytest.mark.parametrize("disturbed", [False, True], ids=["quiet", "disturbed"])
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"processes": APART_WAVES + 3, "rounds": 3},
        {"strategies": ["dynamic"], "sizes": "32,64", "rounds": 1},
        {"replicas": 3, "rounds": 5, "block_calls": 20},
    ],
    ids=["one engine", "more waves than extras", "all sizes", "three engines"],
)
def test_a_sweep_takes_the_time_that_was_foreseen(
    tmp_path: Path,
    model: ExportedModel,
    monkeypatch: pytest.MonkeyPatch,
    keys: dict[str, Any],
    disturbed: bool,
) -> None:
    """The anchor's turns, repeats, and what is timed beside the rounds count. Each trial has been
    measured in one wave before, which is on file whatever disturbed it. A row that is disturbed in
    all its waves is measured again by the next run."""
    script = Script(monkeypatch, disturbed=disturbed)
    script.sweep(model, tmp_path, keys | {"processes": 1})
    found = foreseen(model, tmp_path, **keys)
    took_s = script.sweep(model, tmp_path, keys)
    minutes = found.most_minutes if disturbed else found.least_minutes
    assert 60 * minutes == pytest.approx(took_s, rel=0.02)
    if not keys:
        assert script.turns.count("anchor") == script.turns.count("engine")
        assert len(script.turns) == 2 * (12 + 6 if disturbed else 12)
    assert (foreseen(model, tmp_path, **keys).most_minutes > 0) is disturbed


def test_a_call_of_a_trial_that_is_not_on_file_is_taken_to_last_10_ms(
    tmp_path: Path, model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, disturbed=False)
    found = foreseen(model, tmp_path)
    assert found.assumed
    took_s = script.sweep(model, tmp_path, {})
    assert 60 * found.least_minutes == pytest.approx(took_s, rel=0.02)
    assert not foreseen(model, tmp_path).assumed


def test_two_calls_longer_than_a_second_are_a_turn(
    tmp_path: Path, model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, disturbed=False)
    monkeypatch.setattr(Fake, "options_type", Slow)
    script.sweep(model, tmp_path, {"processes": 1})
    found = foreseen(model, tmp_path)
    assert 60 * found.least_minutes == pytest.approx(script.sweep(model, tmp_path, {}), rel=0.02)


def test_pictures_take_time_in_the_first_waves(tmp_path: Path, model: ExportedModel) -> None:
    def minutes(waves: int, data: str) -> float:
        return foreseen(model, tmp_path, processes=waves, data=data).least_minutes

    few, many = (minutes(n, "digits") - minutes(n, "") for n in (APART_WAVES, APART_WAVES + 9))
    assert few == pytest.approx(many)
    assert 60 * few >= APART_WAVES * PICTURES * CALL_S


def test_more_rigor_may_take_longer_and_never_longer_than_the_limit(
    tmp_path: Path, model: ExportedModel
) -> None:
    quick = foreseen(model, tmp_path, processes=0, rigor="quick")
    paper = foreseen(model, tmp_path, processes=0, rigor="paper")
    assert quick.least_minutes == pytest.approx(paper.least_minutes)
    assert quick.most_minutes < paper.most_minutes
    assert replace(quick, max_minutes=0.01).most_minutes == 0.01
