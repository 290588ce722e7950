from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.journal.store import Store
from sizewise.core.environment import read_environment
from sizewise.core.errors import InputError, OutputError, RecordError, SchemaVersionError
from sizewise.core.specs import Size
from sizewise.core.trials import (
    Accuracy,
    Block,
    Build,
    FirstCall,
    Memory,
    Part,
    Result,
    Run,
    ShapeChange,
)
from tests.bench.factories import result, trial

RUN = Run(started="2026-01-01", environment=read_environment(), configuration="{}", command="x")
SAMPLES = np.full((2, 3, 5), 1e6)


def filed(folder: Path, *results: Result) -> Path:
    path = folder / "results.sqlite"
    with Store.open(path) as store:
        store.add_results(store.begin_run(RUN), results)
    return path


def read(path: Path) -> tuple[Result, ...]:
    with Store.open(path, read_only=True) as store:
        return tuple(r for run in store.runs() for r in run.results)


blocks = st.builds(
    Block,
    rebuild=st.just(0),
    process=st.integers(0, 9),
    round=st.integers(0, 9),
    started_ns=st.integers(0, 2**62),
    latency_ns=st.lists(st.integers(0, 2**62), min_size=1).map(tuple),
    cpu_ns=st.integers(0, 2**62),
    load=st.floats(0, 1),
    clock_mhz=st.floats(0, 1e4),
    valid=st.booleans(),
)
results = st.builds(
    Result,
    trial=st.builds(trial, st.integers(0, 5), st.integers(1, 2000)),
    status=st.sampled_from(("ok", "unsupported", "failed", "invalid")),
    reason_code=st.text(),
    reason=st.text(),
    memory=st.none()
    | st.builds(
        Memory,
        peak_bytes=st.integers(0, 2**60),
        before_bytes=st.just(1),
        device_bytes=st.none() | st.integers(0, 2**60),
    ),
    accuracy=st.none()
    | st.builds(Accuracy, images=st.just(9), data_sha256=st.just("ef"), ap=st.floats(0, 1)),
    build=st.none()
    | st.builds(
        Build,
        build_s=st.floats(0, 1e5),
        size_bytes=st.just(7),
        achieved=st.text(),
        device_predicted_bytes=st.none() | st.integers(0, 2**60),
    ),
    blocks=st.lists(blocks, unique_by=lambda b: (b.process, b.round)).map(
        lambda found: tuple(sorted(found, key=lambda b: (b.process, b.round)))
    ),
    first_calls=st.lists(
        st.builds(
            FirstCall,
            process=st.integers(0, 9),
            open_ns=st.integers(0, 2**62),
            change=st.none()
            | st.builds(
                ShapeChange,
                batch_size=st.integers(1, 9),
                size=st.builds(Size, st.integers(1, 999), st.integers(1, 999)),
                first_ns=st.integers(0, 2**62),
                later_ns=st.lists(st.integers(0, 2**62)).map(tuple),
                back_ns=st.integers(0, 2**62),
            ),
            change_reason=st.text(),
        )
    ).map(tuple),
    parts=st.lists(
        st.builds(
            Part,
            name=st.text(),
            process=st.integers(0, 9),
            latency_ns=st.lists(st.integers(0, 2**62)).map(tuple),
        )
    ).map(tuple),
)


@given(results)
@settings(max_examples=40, deadline=None)
def test_a_result_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, r: Result) -> None:
    assert read(filed(tmp_path_factory.mktemp("store"), r)) == (r,)


def test_an_accuracy_of_before_the_f_measure_is_read(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    old = '{"ap":null,"ap50":null,"data_sha256":"ef","images":9,"miou":0.5}'
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE result SET accuracy = ?", (old,))
    (found,) = read(path)
    assert found.accuracy == Accuracy(images=9, data_sha256="ef", miou=0.5)


def test_runs_come_back_in_order_with_their_results(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    filed(tmp_path, result(SAMPLES, replica=1), result(SAMPLES, replica=2))
    with Store.open(path, read_only=True) as store:
        runs = store.runs()
    assert [[r.trial.replica for r in run.results] for run in runs] == [[0], [1, 2]]
    assert replace(runs[0], results=()) == RUN


def test_a_finished_trial_is_never_filed_twice(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    with pytest.raises(RecordError, match="already"):
        filed(tmp_path, result(SAMPLES, replica=1), result(SAMPLES))
    assert [r.trial.replica for r in read(path)] == [0]


def test_a_failed_trial_makes_way_for_the_next_attempt(tmp_path: Path) -> None:
    failure = replace(result(SAMPLES), status="failed", reason_code="timeout")
    path = filed(tmp_path, failure)
    with Store.open(path) as store:
        assert store.statuses([failure.trial.identity]) == {failure.trial.identity: "failed"}
        assert store.finished([failure.trial.identity]) == set()
    filed(tmp_path, result(SAMPLES))
    assert [r.status for r in read(path)] == ["ok"]
    assert len(read(path)[0].blocks) == 6


def test_only_the_trials_asked_for_are_told(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES), result(SAMPLES, replica=1))
    one, other = trial(1).identity, trial(7).identity
    with Store.open(path, read_only=True) as store:
        assert store.finished([one, other]) == {one}


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    with Store.open(path) as store:
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        run = store.begin_run(RUN)
        large = result(np.full((10, 10, 1000), 1e6), replica=1)
        with pytest.raises(OutputError, match=r"full.*Free some space"):
            store.add_results(run, [result(SAMPLES, replica=2), large])
    assert [r.trial.replica for r in read(path)] == [0]
    assert [r.trial.replica for r in read(filed(tmp_path, large))] == [0, 1]


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    with Store.open(path), pytest.raises(RecordError, match="another sizewise"):
        Store.open(path)
    with Store.open(path):
        assert len(read(path)) == 1


HOLD = """
import sys, time
from pathlib import Path
from bench.journal.store import Store
store = Store.open(Path(sys.argv[1]))
connection = store._connection
connection.execute("PRAGMA cache_size = 1")  # so that the commit spills to the file before its end
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE result SET reason = ?", ("x" * 200_000,))
connection.execute("DELETE FROM block")
print("ready", flush=True)
time.sleep(60)
"""


def test_a_killed_writer_leaves_neither_a_lock_nor_half_a_commit(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    before = read(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        writer.send_signal(signal.SIGKILL)
    assert path.with_name("results.sqlite-journal").exists()
    assert read(path) == before
    assert [r.trial.replica for r in read(filed(tmp_path, result(SAMPLES, replica=1)))] == [0, 1]


def test_a_file_on_a_read_only_disk_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filed(tmp_path, result(SAMPLES))
    path.with_name("results.sqlite.lock").unlink()
    monkeypatch.setattr(os, "access", lambda where, mode: False)
    with Store.open(path, read_only=True) as store:
        assert len(store.runs()) == 1
        with pytest.raises(OutputError, match="readonly"):
            store.begin_run(RUN)
    assert [p.name for p in tmp_path.iterdir()] == ["results.sqlite"]


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\xff" * 4000, b"no database" * 400])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database_is_refused(
    tmp_path: Path, content: bytes, read_only: bool
) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(content)
    with pytest.raises(RecordError, match="can't be read as a results file"):
        Store.open(path, read_only=read_only)
    assert path.read_bytes() == content


@pytest.mark.parametrize("read_only", [False, True])
def test_somebody_elses_database_is_refused(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "results.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE result (id)")
    other.close()
    with pytest.raises(RecordError, match="not a results file of sizewise"):
        Store.open(path, read_only=read_only)


def test_a_damaged_file_is_an_error_and_not_a_smaller_result(tmp_path: Path) -> None:
    many = [result(np.full((5, 6, 50), 1e6), replica=n) for n in range(5)]
    path = filed(tmp_path, *many)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    with pytest.raises(RecordError):
        read(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(SchemaVersionError, match="version 99"):
        Store.open(path, read_only=True)


def test_a_value_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    path = filed(tmp_path, result(SAMPLES))
    with sqlite3.connect(path) as hand:
        hand.execute("UPDATE result SET trial = '{}'")
    hand.close()
    with pytest.raises(RecordError, match="holds a value"):
        read(path)


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Store.open(tmp_path / "results.sqlite", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_writing_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such file or directory"):
        Store.open(tmp_path / "missing" / "results.sqlite")
