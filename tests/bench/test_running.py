"""A sweep that meets stops, lost processes, little memory and a system that starts no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.remote import RemoteWorker
from bench.sweep import SweepOutcome, sweep
from bench.waves.footprint import expected_bytes
from bench.waves.launch import Launch, Limits
from bench.waves.watching import Watching
from bench.waves.wave import Watch
from sizewise.core.children.failures import crashed, not_started
from sizewise.core.errors import OutputError
from sizewise.core.options.declared import fill
from sizewise.core.progress import Silent
from sizewise.core.specs import ExportedModel
from sizewise.core.trials import Build, Memory, Result
from tests.bench.factories import InProcess, Quiet, launch_in_process, quietly, trial
from tests.bench.models import colours
from tests.bench.pictures import write_pictures

pytestmark = pytest.mark.usefixtures("built_here")

QUICK: dict[str, Any] = {
    **{"backends": ["fake"], "strategies": ["static"], "sizes": "32,64", "threads": 1},
    **{"processes": 2, "rounds": 1, "block_s": 0},
}


@pytest.fixture
def model(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "colours.onnx", box=(0, 0, 8, 8))


class Listening(Silent):
    """Keeps the remarks."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def remark(self, text: str) -> None:
        self.said.append(text)


def swept(
    model: ExportedModel,
    *,
    launch: Launch = launch_in_process,
    watch: Watching = quietly,
    progress: Listening | None = None,
    **keys: Any,
) -> SweepOutcome:
    settings = fill(SweepSettings, QUICK | keys)
    out, told = model.path.parent / "out", progress or Listening()
    return sweep([model], settings, out, progress=told, launch=launch, watch=watch)


def on_file(outcome: SweepOutcome) -> list[Result]:
    with Store.open(outcome.results, read_only=True) as store:
        return list(store.results().values())


def failing(method: str, error: Callable[[InProcess], Exception], log: list[str]) -> Launch:
    """Workers that can't do ``method``; each start and call is noted."""

    class Failing(InProcess):
        def call(self, called: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            log.append(called)
            if called == method:
                raise error(self)
            return super().call(called, arguments, timeout_s=timeout_s)

    return lambda limits: RemoteWorker(Failing(), timeout_s=limits.timeout_s)


def test_time_in_which_a_sweep_was_stopped_does_not_count(model: ExportedModel) -> None:
    class Stopped(Quiet):
        stopped_s = 1e9

    @contextmanager
    def stopping(limits: Limits, remark: Callable[[str], None]) -> Iterator[Watch]:
        yield Stopped()

    cut = swept(model, max_minutes=1e-9)
    assert (cut.measured, cut.unfinished) == (0, 2)
    whole = swept(model, max_minutes=1e-9, watch=stopping)
    assert (whole.measured, whole.unfinished) == (2, 0)


def test_what_is_measured_again_for_what_disturbed_it_is_said(
    model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.planning.schedule.Schedule.again", 2)
    listening = Listening()
    swept(model, progress=listening)
    said = "Something disturbed 2 trials on file: more processes are measured of them now."
    assert listening.said.count(said) == 1


def test_an_engine_walks_over_all_sizes_of_the_sweep(
    model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks: list[list[str]] = []
    monkeypatch.setattr("bench.worker.Worker.walk", lambda self, sizes: walks.append(sizes))
    sizes = ["32x32", "64x64", "96x96", "128x128", "160x160"]
    swept(model, sizes=",".join(sizes), strategies=["dynamic", "static"], processes=1)
    assert walks == [sizes] * len(sizes)


def test_an_engine_that_was_lost_beside_its_rounds_is_measured_there_no_more(
    model: ExportedModel,
) -> None:
    log: list[str] = []
    launch = failing("parts", lambda worker: crashed("acts", -9, ""), log)
    outcome = swept(model, launch=launch, processes=3, sizes="32")
    assert (outcome.statuses, outcome.exit_code) == ({"ok": 1}, 0)
    assert (log.count("measure"), log.count("parts")) == (3, 1)
    (result,) = on_file(outcome)
    assert ["parts" in first.failures for first in result.first_calls] == [True, False, False]
    assert len({block.wave for block in result.blocks}) == 3


def test_a_process_that_is_not_started_costs_one_accuracy(model: ExportedModel) -> None:
    """Two at once; the second is refused, and the first is on file."""
    data = str(write_pictures(model.path.parent))
    swept(model)
    starts = 0

    def launch(limits: Limits) -> RemoteWorker:
        nonlocal starts
        starts += 1
        if starts == 2:
            raise not_started("the worker", OSError(11, "Resource temporarily unavailable"))
        return launch_in_process(limits)

    outcome = swept(model, data=data, launch=launch)
    assert (outcome.statuses, outcome.exit_code) == ({"ok": 2}, 0)
    first, second = on_file(outcome)
    assert first.accuracy is not None
    assert second.accuracy is None
    assert "can't be started: resource temporarily" in second.accuracy_reason
    assert all(r.accuracy for r in on_file(swept(model, data=data)))


def test_each_accuracy_is_stored_as_soon_as_it_is_there(
    model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full at the second one of a batch keeps the first."""
    data = str(write_pictures(model.path.parent))
    swept(model)
    add, stored = Store.add_accuracy, 0

    def full(store: Store, *arguments: Any) -> None:
        nonlocal stored
        stored += 1
        if stored == 2:
            raise OutputError("The disk is full", "no space", "Free some.")
        add(store, *arguments)

    with monkeypatch.context() as small:
        small.setattr(Store, "add_accuracy", full)
        with pytest.raises(OutputError):
            swept(model, data=data)
    with Store.open(model.path.parent / "out" / "results.sqlite", read_only=True) as store:
        found = list(store.results().values())
    assert sum(result.accuracy is not None for result in found) == 1


def memory(peak: int, run: int | None = None, walk: int | None = None) -> Memory:
    return Memory(before_bytes=1, peak_bytes=peak, run_peak_bytes=run, walk_bytes=walk)


def test_memory_is_expected_as_measured_or_else_by_the_files() -> None:
    known = Result(trial=trial(), status="ok", memory=(memory(5), memory(3, 9), memory(2, 1, 7)))
    new = Result(trial=trial(), status="ok")
    small, large = (Build(build_s=1, size_bytes=size, achieved="") for size in (10, 10**9))
    assert expected_bytes(known, (large,)) == 9
    assert expected_bytes(new, (small, large)) >= 2 * 10**9
    assert 0 < expected_bytes(new, ()) <= expected_bytes(new, (small,))


def test_engines_that_do_not_fit_together_are_measured_in_turns_of_some(
    model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes 10 bytes, and there are 25."""
    monkeypatch.setattr("bench.running.expected_bytes", lambda result, builds: 10)
    monkeypatch.setattr("bench.waves.footprint.free_bytes", lambda: 25)
    together, told = Together(), Listening()
    outcome = swept(
        model, launch=together.launch, progress=told, replicas=5, sizes="32", processes=3
    )
    assert (outcome.measured, outcome.unfinished, outcome.statuses) == (5, 0, {"ok": 5})
    assert together.most == 2
    for result in on_file(outcome):
        assert len({block.wave for block in result.blocks}) >= 3  # one more as a companion
    (said,) = told.said
    assert "5 engines of one size" in said
    assert "2 at a time" in said


def test_all_are_measured_together_where_they_fit_and_one_where_none_does(
    model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free, most in ((2**50, 3), (1, 1)):
        monkeypatch.setattr("bench.waves.footprint.free_bytes", lambda free=free: free)
        together, told = Together(), Listening()
        keys: dict[str, Any] = {
            "replicas": 3,
            "sizes": "32",
            "processes": 1,
            "seed": most,
            "batch": most,
        }
        assert swept(model, launch=together.launch, progress=told, **keys).measured == 3
        assert together.most == most
        assert len(told.said) == (most == 1)


class Together:
    """Counts the workers that are open at the same time."""

    def __init__(self) -> None:
        self.most = self._open = 0

    def launch(self, limits: Limits) -> RemoteWorker:
        counts = self

        class Counted(InProcess):
            def close(self) -> None:
                counts._open -= 1
                super().close()

        self._open += 1
        self.most = max(self.most, self._open)
        return RemoteWorker(Counted(), timeout_s=limits.timeout_s)
