"""Which trials are not tried, by what is on file and what failed before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.planning.expecting import ExpectedFailures
from bench.planning.plan import Group, Planned
from bench.planning.protocol import Protocol
from bench.planning.settings import SweepSettings
from bench.planning.trying import Trying
from bench.waves.measured import State
from sizewise.core.specs import BackendOptions, ExportedModel
from sizewise.core.trials import EXPECTED_OOM, Result, Trial
from tests.bench.factories import trial

SMALL, LARGE = trial(side=64), trial(side=128)
OOM = State(status="failed", reason_code="oom_host", reason="It took too much.")


def trying(*trials: Trial, quarantined: dict[Trial, str] | None = None, **keys: Any) -> Trying:
    """With all of the trials planned, and the quarantined ones on file."""
    model: ExportedModel = None  # type: ignore[assignment]
    groups = [
        Group(size=one.cell.size, protocol=Protocol(), members=(Planned(trial=one, model=model),))
        for one in trials
    ]
    kept = quarantined or {}
    on_file = {
        one.identity: Result(trial=one, status="failed", reason_code=code, reason="So it was.")
        for one, code in kept.items()
    }
    codes = {one.identity: code for one, code in kept.items() if code != EXPECTED_OOM}
    return Trying(groups, on_file, codes, SweepSettings(**keys))


@pytest.mark.parametrize("code", ["oom_host", "oom_device"])
def test_more_pixels_of_the_same_engine_are_expected_to_fail(code: str) -> None:
    found = trying()
    assert found.expected_of(LARGE) is None
    found.note(SMALL, replace(OOM, reason_code=code))
    state = found.expected_of(LARGE)
    assert state is not None
    assert (state.status, state.reason_code) == ("failed", EXPECTED_OOM)
    for words in ("128x128", "64x64", code, "force"):
        assert words in state.reason
    assert found.expected_of(SMALL) is None
    assert found.expected_of(trial(side=32)) is None


CHANGES: dict[str, Any] = {
    "model": {"model_sha256": "ef" * 32},
    "back end": {"cell": replace(LARGE.cell, backend="other")},
    "strategy": {"cell": replace(LARGE.cell, strategy="dynamic")},
    "precision": {"cell": replace(LARGE.cell, precision="int8")},
    "batch": {"cell": replace(LARGE.cell, batch_size=2)},
    "options": {"cell": replace(LARGE.cell, options="arena=false")},
    "threads": {"spec": replace(LARGE.spec, threads=7)},
    "version": {"backend_version": "2"},
    "machine": {"environment_fingerprint": "0" * 64},
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_engine_of_another_kind_is_tried(what: str) -> None:
    found = trying()
    found.note(SMALL, OOM)
    assert found.expected_of(replace(LARGE, **CHANGES[what])) is None


def test_a_replica_and_a_trial_from_a_file_are_of_the_same_kind() -> None:
    found = trying()
    found.note(replace(SMALL, spec=replace(SMALL.spec, options=BackendOptions())), OOM)
    assert found.expected_of(replace(LARGE, replica=3)) is not None


@pytest.mark.parametrize("code", ["timeout", "crash_SIGSEGV", EXPECTED_OOM])
def test_other_failures_tell_nothing_of_larger_sizes(code: str) -> None:
    found = trying()
    found.note(SMALL, replace(OOM, reason_code=code))
    assert found.expected_of(LARGE) is None


def test_force_tries_what_is_expected_to_fail() -> None:
    found = ExpectedFailures(forced=True)
    found.note(SMALL, "oom_host")
    assert found.of(LARGE) is None


def test_quarantined_trials_and_what_they_foretell_are_left_out_until_retry() -> None:
    kept = {SMALL: "oom_host", LARGE: EXPECTED_OOM, trial(7): "timeout"}
    found = trying(SMALL, LARGE, quarantined=kept)
    assert found.quarantined == {SMALL.identity}
    assert found.left_out == {SMALL.identity, LARGE.identity}
    assert trying(SMALL, LARGE, quarantined=kept, force=True).left_out == {SMALL.identity}
    assert trying(SMALL, LARGE, quarantined=kept, retry=True).left_out == set()
    new = trying(SMALL, trial(side=96), quarantined={SMALL: "oom_host"})
    assert new.left_out == {SMALL.identity}
    assert new.expected_of(trial(side=96)) is not None
