"""Failures that stand on file, run by run."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bench.journal.store import Store
from bench.waves.measured import State
from sizewise.core.errors import RecordError
from sizewise.core.trials import EXPECTED_OOM
from tests.bench.factories import trial, waves
from tests.bench.journal.files import ACCURACY, RUN, SAMPLES, filed, read

TRIAL = trial(0)


def failed(code: str, reason: str = "It hung.") -> State:
    return State(status="failed", reason_code=code, reason=reason)


def after(path: Path, *states: State) -> dict[str, str]:
    """What is quarantined after a run for each of ``states``."""
    for state in states:
        with Store.open(path) as store:
            run = store.begin_run(RUN)
            store.note(run, trial(5), failed(f"crash_exit_{run}"))
            store.note(run, TRIAL, state)
    with Store.open(path, read_only=True) as store:
        return dict(store.quarantined())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.sqlite"


@pytest.mark.parametrize(
    "states",
    [
        [failed("timeout"), failed("timeout", "It last reported 3 s before.")],
        [failed("oom_host"), failed("timeout"), failed("timeout")],
        [failed("error", "at 0x7f3a of 12 MiB"), failed("error", "at 0x11 of 12.5 MiB")],
        [failed("crash_SIGSEGV"), failed("start"), failed("crash_SIGSEGV")],
    ],
    ids=["in other words", "in the end", "but for numbers", "with no start between"],
)
def test_two_failures_that_are_alike_quarantine_a_trial(
    path: Path, states: Sequence[State]
) -> None:
    assert after(path, *states[:-1]) == {}
    assert after(path, states[-1]) == {TRIAL.identity: states[-1].reason_code}


@pytest.mark.parametrize(
    "states",
    [
        [failed("timeout"), failed("oom_host"), failed("timeout")],
        [failed("error", "No operator A"), failed("error", "No operator B")],
        [failed("start"), failed("start"), failed("start")],
        [failed(EXPECTED_OOM), failed(EXPECTED_OOM)],
        [State(status="unsupported", reason_code="unsupported_size", reason="No.")] * 3,
        [State(status="invalid", reason_code="numerics", reason="NaN.")] * 3,
    ],
    ids=["by turns", "in other ways", "not started", "never tried", "unsupported", "invalid"],
)
def test_others_do_not(path: Path, states: Sequence[State]) -> None:
    assert after(path, *states) == {}


def test_a_trial_that_ran_begins_anew(path: Path) -> None:
    after(path, failed("timeout"))
    filed(path.parent, *waves(SAMPLES, TRIAL))
    assert after(path, failed("timeout")) == {}
    assert after(path, failed("timeout")) == {TRIAL.identity: "timeout"}
    (result, *_) = (one for one in read(path) if one.trial == TRIAL)
    assert (result.status, result.reason) == ("ok", "It hung.")


def test_two_notes_of_one_run_are_one_failure(path: Path) -> None:
    with Store.open(path) as store:
        run = store.begin_run(RUN)
        for _ in range(3):
            store.note(run, TRIAL, failed("timeout"))
        assert store.quarantined() == {}


def rated(path: Path, *codes: str) -> set[str]:
    """The images of accuracies that are quarantined after a run for each of ``codes``; empty where
    the accuracy was measured."""
    for code in codes:
        with Store.open(path) as store:
            run = store.begin_run(RUN)
            store.note(run, TRIAL, State())
            for accuracy in (ACCURACY, replace(ACCURACY, chosen="9 of 50")):
                reason = f"It failed {run} times." if code else ""
                store.add_accuracy(run, TRIAL, accuracy, reason, code)
    with Store.open(path) as store:
        found = store.quarantined_accuracies()
        assert {identity for identity, _, _ in found} <= {TRIAL.identity}
        assert store.quarantined() == {}
    return {f"{data} {chosen}" for _, data, chosen in found}


def test_accuracies_are_quarantined_as_trials_are(path: Path) -> None:
    both = {f"{ACCURACY.data_sha256} ", f"{ACCURACY.data_sha256} 9 of 50"}
    assert rated(path, "timeout", "oom_host") == set()
    assert rated(path, "oom_host") == both
    assert rated(path, "") == set()
    assert rated(path, "error") == set()
    assert rated(path, "error") == both, "alike but for a number"
    assert rated(path, "start", "start") == both
    by_hand(path, "UPDATE accuracy_failure SET reason = 'No.' WHERE chosen != ''")
    with Store.open(path, read_only=True) as store, pytest.raises(RecordError, match="is damaged"):
        store.results()


def test_a_file_of_before_is_read_as_it_is_and_gets_the_table_from_a_writer(path: Path) -> None:
    after(path, failed("timeout"), failed("timeout"))
    by_hand(path, "DROP TABLE failure")
    by_hand(path, "DROP TABLE accuracy_failure")
    before, results = path.read_bytes(), read(path)
    with Store.open(path, read_only=True) as store:
        assert store.quarantined() == {}
        assert store.quarantined_accuracies() == frozenset()
    assert path.read_bytes() == before
    assert after(path, failed("timeout"), failed("timeout")) == {TRIAL.identity: "timeout"}
    assert {one.trial for one in read(path)} == {one.trial for one in results}


def test_a_failure_that_was_changed_is_found_out(path: Path) -> None:
    after(path, failed("timeout"), failed("timeout"))
    by_hand(path, "UPDATE failure SET reason_code = 'oom_host' WHERE run_id = 1")
    with Store.open(path, read_only=True) as store, pytest.raises(RecordError, match="is damaged"):
        store.quarantined()


def by_hand(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
