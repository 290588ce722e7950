"""Sweeps that meet the same failure again: what is tried once more, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.planning.estimate import estimate
from bench.planning.settings import SweepSettings
from bench.remote import RemoteWorker
from bench.sweep import SweepOutcome
from bench.waves.launch import Launch, Limits
from sizewise.core.children.failures import crashed, too_large
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel
from sizewise.core.trials import EXPECTED_OOM
from tests.bench import test_running
from tests.bench.factories import InProcess, launch_in_process
from tests.bench.models import colours
from tests.bench.pictures import write_pictures
from tests.bench.test_running import QUICK, failing, on_file

pytestmark = pytest.mark.usefixtures("built_here")


@pytest.fixture
def model(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "colours.onnx")


def breaking(log: list[str], error: Exception, *sizes: str) -> Launch:
    """Workers that fail at these sizes when their engine is opened; each is noted."""

    class Breaking(InProcess):
        size = ""

        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            self.size = arguments.get("size", self.size)
            if method == "open":
                log.append(self.size)
                if self.size in sizes:
                    raise error
            return super().call(method, arguments, timeout_s=timeout_s)

    return lambda limits: RemoteWorker(Breaking(), timeout_s=limits.timeout_s)


def swept(model: ExportedModel, **keys: Any) -> SweepOutcome:
    return test_running.swept(model, **{"processes": 1} | keys)


def codes(outcome: SweepOutcome) -> dict[str, str]:
    return {str(one.trial.cell.size): one.reason_code for one in on_file(outcome)}


def test_a_trial_that_failed_twice_in_the_same_way_is_left_until_retry(
    model: ExportedModel,
) -> None:
    log: list[str] = []
    launch = breaking(log, crashed("It", -11, "last words"), "32x32")
    first, second, third = (swept(model, launch=launch) for _ in range(3))
    assert log.count("32x32") == 2
    assert [(one.measured, one.quarantined) for one in (first, second, third)] == [
        (2, 0),
        (1, 0),
        (0, 1),
    ]
    assert (third.skipped, third.unfinished, third.exit_code) == (2, 0, 3)
    assert third.statuses == {"failed": 1, "ok": 1}
    (failed,) = third.not_all_well
    assert (failed.reason_code, "last words" in failed.reason) == ("crash_SIGSEGV", True)
    settings = fill(SweepSettings, QUICK | {"processes": 1})
    assert estimate([model], settings, third.results).pending == 0
    again = fill(SweepSettings, QUICK | {"processes": 1, "retry": True})
    assert estimate([model], again, third.results).pending == 1
    tried = swept(model, launch=launch, retry=True)
    assert (tried.measured, tried.quarantined, log.count("32x32")) == (1, 0, 3)
    mended = swept(model, retry=True)
    assert (mended.measured, mended.statuses) == (1, {"ok": 2})
    assert swept(model).quarantined == 0


def test_an_accuracy_that_failed_twice_in_the_same_way_is_left_until_retry(
    model: ExportedModel,
) -> None:
    log: list[str] = []
    launch = failing("prepare_accuracy", lambda worker: crashed("It", -11, "last words"), log)
    keys: dict[str, Any] = {"data": str(write_pictures(model.path.parent)), "sizes": "32"}
    outcomes = [swept(model, launch=launch, **keys) for _ in range(3)]
    assert log.count("prepare_accuracy") == 2
    assert [(one.measured, one.quarantined) for one in outcomes] == [(1, 0), (1, 0), (0, 1)]
    assert {(one.exit_code, one.statuses["ok"]) for one in outcomes} == {(0, 1)}
    (result,) = on_file(outcomes[-1])
    assert (result.accuracy, "last words" in result.accuracy_reason) == (None, True)
    assert swept(model, sizes="32").quarantined == 0, "nobody asks for it"
    other = swept(model, launch=launch, image_count=2, **keys)
    assert (other.quarantined, log.count("prepare_accuracy")) == (0, 3), "of other images"
    assert swept(model, launch=launch, retry=True, **keys).quarantined == 0
    assert log.count("prepare_accuracy") == 4
    mended = swept(model, retry=True, **keys)
    assert (mended.measured, mended.quarantined) == (1, 0)
    (result,) = on_file(swept(model, **keys))
    assert result.accuracy is not None


def test_other_memory_than_a_size_takes_is_not_asked_for_at_larger_ones(
    model: ExportedModel,
) -> None:
    log: list[str] = []
    sizes = "64,32,96,128"
    launch = breaking(log, too_large("It", 2**30, ""), "64x64", "128x128")
    first = swept(model, launch=launch, sizes=sizes)
    expected = {
        "64x64": "oom_host",
        "32x32": "",
        "96x96": EXPECTED_OOM,
        "128x128": EXPECTED_OOM,
    }
    assert codes(first) == expected
    assert sorted(set(log)) == ["32x32", "64x64"]
    assert (first.measured, first.exit_code) == (2, 3)
    reasons = {one.reason_code: one.reason for one in first.not_all_well}
    assert "force tries it all the same" in reasons[EXPECTED_OOM]
    second = swept(model, launch=launch, sizes=sizes)
    third = swept(model, launch=launch, sizes=sizes)
    assert (codes(second), codes(third)) == (expected, expected)
    assert (second.measured, third.measured, third.quarantined) == (1, 0, 1)
    assert log.count("64x64") == 2
    forced = swept(model, launch=launch, sizes=sizes, force=True)
    assert codes(forced) == expected | {"96x96": "", "128x128": "oom_host"}


def test_with_more_memory_larger_sizes_are_measured_too(model: ExportedModel) -> None:
    launch = breaking([], too_large("It", 2**30, ""), "32x32")
    assert codes(swept(model, launch=launch)) == {"32x32": "oom_host", "64x64": EXPECTED_OOM}
    assert codes(swept(model)) == {"32x32": "", "64x64": ""}


def test_a_size_that_was_measured_before_is_measured_again(model: ExportedModel) -> None:
    swept(model, processes=1)
    launch = breaking([], too_large("It", 2**30, ""), "32x32")
    outcome = swept(model, launch=launch, processes=2)
    large = next(one for one in on_file(outcome) if one.trial.cell.size.height == 64)
    assert len({block.wave for block in large.blocks}) == 2


def test_the_memory_that_settings_say_is_a_limit_of_workers(model: ExportedModel) -> None:
    found: list[int | None] = []

    def launch(limits: Limits) -> RemoteWorker:
        found.append(limits.memory_bytes)
        return launch_in_process(limits)

    swept(model, launch=launch, memory_limit_mb=7, sizes="32")
    assert set(found) == {7 * 2**20}
