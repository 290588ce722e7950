"""Results files of an older sizewise: read as they are, brought up to date by a writer."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.journal import rows, schema
from bench.journal.store import Store
from sizewise.core.environment import read_environment
from sizewise.core.errors import OutputError, SizewiseError
from sizewise.core.specs import BatchRange
from sizewise.core.trials import FirstCall, Memory, Part, Result, Run
from tests.bench.factories import result

RUN = Run(started="2026-01-01", environment=read_environment(), configuration="{}", command="x")
OLD = result(np.full((2, 3, 5), 1e6))
OLD_IDENTITY = "dc4965a4285e39c788784d0e5b9525d311bdc90d4234564af2bc27aa956ec9a7"
"""As the sizewise of then gave it to the trial of ``OLD``."""

VERSION_1 = """
PRAGMA application_id = 0x73697A65;
PRAGMA user_version = 1;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    environment TEXT NOT NULL,
    configuration TEXT NOT NULL,
    command TEXT NOT NULL
);
CREATE TABLE result (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    identity TEXT NOT NULL UNIQUE,
    trial TEXT NOT NULL,
    status TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    memory TEXT,
    accuracy TEXT,
    build TEXT
);
CREATE TABLE block (
    result_id INTEGER NOT NULL REFERENCES result (id) ON DELETE CASCADE,
    rebuild INTEGER NOT NULL,
    process INTEGER NOT NULL,
    round INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    latency_ns TEXT NOT NULL,
    cpu_ns INTEGER NOT NULL,
    load REAL NOT NULL,
    clock_mhz REAL NOT NULL,
    valid INTEGER NOT NULL,
    PRIMARY KEY (result_id, rebuild, process, round)
) WITHOUT ROWID;
"""
COLUMNS_1 = "run_id, identity, trial, status, reason_code, reason, memory, accuracy, build"
MEMORY_1 = '{"before_bytes":1,"peak_bytes":2}'


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of version 1 with one result, and nothing beside it."""
    path = tmp_path / "results.sqlite"
    filed = rows.from_result(1, OLD) | {"memory": MEMORY_1, "identity": OLD_IDENTITY}
    values = ", ".join(f":{name}" for name in COLUMNS_1.split(", "))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(VERSION_1)
        connection.execute(schema.INSERT_RUN, rows.from_run(RUN))
        connection.execute(f"INSERT INTO result ({COLUMNS_1}) VALUES ({values})", filed)
        blocks = (rows.from_block(1, block) for block in OLD.blocks)
        connection.executemany(schema.INSERT_BLOCK, blocks)
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def read(path: Path) -> list[Result]:
    with Store.open(path, read_only=True) as store:
        return [filed for run in store.runs() for filed in run.results]


def test_an_old_file_is_read_and_nothing_is_written(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old.read_bytes()
    monkeypatch.setattr(os, "access", lambda where, mode: False)  # as on a read-only disk
    (found,) = read(old)
    assert (found.blocks, found.first_calls, found.parts) == (OLD.blocks, (), ())
    assert found.memory == Memory(peak_bytes=2, before_bytes=1)
    with Store.open(old, read_only=True) as store:
        assert store.finished([OLD.trial.identity]) == {OLD_IDENTITY}
        with pytest.raises(OutputError, match="readonly"):
            store.begin_run(RUN)
    assert old.read_bytes() == before
    assert [path.name for path in old.parent.iterdir()] == ["results.sqlite"]


def test_a_writer_brings_an_old_file_up_to_date_and_goes_on(old: Path) -> None:
    new = Result(
        trial=result(np.full((2, 3, 5), 1e6), replica=1).trial,
        status="ok",
        first_calls=(FirstCall(process=0, open_ns=5, change_reason="it ran out of memory"),),
        parts=(Part(name="compute", process=0, latency_ns=(1, 2)),),
    )
    with Store.open(old) as store:
        assert store.finished([OLD.trial.identity]) == {OLD_IDENTITY}
        store.add_results(store.begin_run(RUN), [new])
    assert version(old) == schema.VERSION == 2
    assert [r.blocks for r in read(old)] == [OLD.blocks, ()]
    assert read(old)[1] == new


def test_what_is_newer_than_a_file_tells_trials_apart_where_it_is_used() -> None:
    trial = OLD.trial
    ranged = replace(trial, spec=replace(trial.spec, batch_range=BatchRange(1, 8)))
    tuned = replace(trial, cell=replace(trial.cell, options="cuda_graphs=false"))
    both = replace(ranged, cell=tuned.cell)
    assert trial.identity == OLD_IDENTITY
    assert len({one.identity for one in (trial, ranged, tuned, both)}) == 4


def test_tables_of_an_updated_file_are_those_of_a_new_one(old: Path, tmp_path: Path) -> None:
    for path in (old, tmp_path / "new.sqlite"):
        Store.open(path).close()

    def columns(path: Path) -> list[tuple[object, ...]]:
        query = "SELECT m.name, c.* FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY 1, 2"
        with closing(sqlite3.connect(path)) as connection:
            return [tuple(row) for row in connection.execute(query)]

    assert columns(old) == columns(tmp_path / "new.sqlite")


def test_an_update_that_fails_leaves_the_file_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halfway(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE result ADD COLUMN first_calls TEXT")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("bench.journal.updates._UPDATES", {2: halfway})
    before = read_old_tables(old)
    with pytest.raises(SizewiseError, match="full"):
        Store.open(old)
    assert version(old) == 1
    assert read_old_tables(old) == before


def read_old_tables(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return [tuple(row) for row in connection.execute("SELECT * FROM result")]
