"""Results files of an older sizewise: read as they are, brought up to date by a writer."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.journal import schema
from bench.journal.store import Store
from sizewise.core import codec
from sizewise.core.errors import DamagedRecordError, OutputError, RecordError, SizewiseError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.trials import EARLIER_HARNESS, Accuracy, Memory, Result
from sizewise.pipeline.records.results import results
from tests.bench.factories import trial, waves
from tests.bench.journal.files import RUN, Clock, read, viewer

OLD_IDENTITY = "dc4965a4285e39c788784d0e5b9525d311bdc90d4234564af2bc27aa956ec9a7"
"""As the sizewise of then gave it to its trial."""
PROTOCOL = {"block_calls": 5, "block_s": 0.1, "processes": 2, "rounds": 3, "seed": 0}

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
MEMORY_1 = '{"before_bytes":1,"peak_bytes":2}'
ACCURACY_1 = '{"ap":null,"ap50":null,"data_sha256":"ef","images":9,"miou":0.5}'
BUILD_1 = '{"achieved":"fp32","build_s":3.5,"size_bytes":7}'


def old_trial(replica: int) -> str:
    """The JSON of then: with a protocol, and data, and without a harness."""
    plain = codec.to_plain(replace(trial(replica), harness=EARLIER_HARNESS))
    for later in ("harness", "builder"):
        del plain[later]
    return codec.to_json(plain | {"protocol": PROTOCOL, "data_sha256": "ef"})


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of version 1 with nothing beside it."""
    path = tmp_path / "results.sqlite"
    write_version_1(path)
    return path


def write_version_1(path: Path) -> None:
    """A file of version 1 with two results, which took turns."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(VERSION_1)
        run = (RUN.started, codec.to_json(RUN.environment), RUN.configuration, RUN.command)
        connection.execute("INSERT INTO run VALUES (1, ?, ?, ?, ?)", run)
        for number in (1, 2):
            identity = OLD_IDENTITY if number == 1 else "ab" * 32
            known = (MEMORY_1, ACCURACY_1, BUILD_1)
            row = (number, 1, identity, old_trial(number - 1), "ok", "", "", *known)
            connection.execute(f"INSERT INTO result VALUES ({', '.join('?' * 10)})", row)
            for process in (0, 1):
                for place in (0, 1, 2):
                    turn = (0, process, place, 10 * process + place, "[5, 6, 7]", 9, 0.1 * place)
                    block = (number, *turn, 2000.0, int(place < 2))
                    connection.execute(f"INSERT INTO block VALUES ({', '.join('?' * 10)})", block)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def expect_old(found: Sequence[Result]) -> None:
    """Figures and turns are those of then; nothing was cold, and there was no anchor."""
    first, second = found
    assert [[(b.wave, b.round) for b in r.blocks] for r in found] == [
        [(wave, place) for wave in (1, 2) for place in (0, 1, 2)]
    ] * 2
    assert {b.latency_ns for b in first.blocks} == {(5, 6, 7)}
    assert [b.valid for b in first.blocks] == [True, True, False] * 2
    assert {(b.cold, b.anchor_ns) for b in second.blocks} == {(0, None)}
    assert (first.first_calls, first.parts) == ((), ())
    assert first.memory == (Memory(peak_bytes=2, before_bytes=1),)
    assert first.build is not None
    assert first.build.build_s == 3.5
    assert first.accuracy == Accuracy(images=9, data_sha256="ef", miou=0.5)
    assert all(r.trial.is_of_an_earlier_harness for r in found)


def test_an_old_file_is_read_and_nothing_is_written(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old.read_bytes()
    monkeypatch.setattr(os, "access", lambda where, mode: False)  # as on a read-only disk
    expect_old(read(old))
    with Store.open(old, read_only=True) as store, pytest.raises(OutputError, match="readonly"):
        store.begin_run(RUN)
    assert old.read_bytes() == before
    assert [path.name for path in old.parent.iterdir()] == ["results.sqlite"]


def test_a_writer_brings_an_old_file_up_to_date_and_goes_on(old: Path) -> None:
    with Store.open(old) as store:
        assert OLD_IDENTITY in store.results()
        run = store.begin_run(RUN)
        for wave in waves(np.full((2, 3, 5), 1e6), trial()):
            store.add_wave(run, wave)
    assert version(old) == schema.VERSION == 3
    *earlier, new = read(old)
    expect_old(earlier)
    assert {b.wave for b in new.blocks} == {3, 4}
    assert not new.trial.is_of_an_earlier_harness


def test_what_an_earlier_harness_measured_is_never_taken_for_todays(old: Path) -> None:
    assert trial().identity not in {OLD_IDENTITY}
    with Store.open(old, read_only=True) as store:
        assert trial().identity not in store.results()


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ('"block_s":0.1', '"block_s":4.1'),
        ('"batch_size":1', '"batch_size":8'),
    ],
)
def test_a_trial_that_says_two_things_is_damaged(
    old: Path, tmp_path: Path, was: str, is_now: str
) -> None:
    """Rows of then have no sums: a changed digit shows only where it is told twice."""
    settings = codec.to_json({"settings": PROTOCOL | {"sweep": []}})
    with closing(sqlite3.connect(old)) as hand, hand:
        hand.execute("UPDATE run SET configuration = ?", (settings,))
    assert len(read(old)) == 2
    with closing(sqlite3.connect(old)) as hand, hand:
        (told,) = hand.execute("SELECT trial FROM result WHERE id = 1").fetchone()
        assert was in told
        hand.execute("UPDATE result SET trial = ? WHERE id = 1", (told.replace(was, is_now, 1),))
    before = old.read_bytes()
    for opened in (read, Store.open):
        with pytest.raises(DamagedRecordError, match="damaged"):
            opened(old)
    found = results(old, salvage=tmp_path / "whole.sqlite")
    assert found.exit_code == ExitCode.FAILED
    assert "1 of 2 trials" in found.held.summary
    assert len(read(tmp_path / "whole.sqlite")) == 1
    assert old.read_bytes() == before


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

    monkeypatch.setattr("bench.journal.updates._UPDATES", {2: halfway, 3: halfway})
    before = read_old_tables(old)
    with pytest.raises(SizewiseError, match="full"):
        Store.open(old)
    assert version(old) == 1
    assert read_old_tables(old) == before


def read_old_tables(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return [tuple(row) for row in connection.execute("SELECT * FROM result")]


def test_an_update_waits_for_a_viewer(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with ExitStack() as window:
        Clock(monkeypatch).close(window, after_s=40)
        window.enter_context(viewer(old))
        Store.open(old, remark=said.append).close()
    assert len(said) == 1
    assert version(old) == schema.VERSION
    expect_old(read(old))


def test_an_update_that_a_viewer_never_lets_happen_leaves_the_file_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_old_tables(old)
    Clock(monkeypatch)
    with viewer(old), pytest.raises(RecordError, match="is locked"):
        Store.open(old)
    assert version(old) == 1
    assert read_old_tables(old) == before
