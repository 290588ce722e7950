"""Results files of others, which hold more than rows."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.journal.database import take_lock
from bench.journal.salvage.examining import examine
from bench.journal.store import Store
from sizewise.core.errors import InputError, OutputError, RecordError
from tests.bench.factories import trial, waves
from tests.bench.journal.files import RUN, SAMPLES, filed

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
COLUMNS = {
    "run": "i AS id, '' AS started, '' AS environment, '' AS configuration, '' AS command",
    "trial": "i AS id, i AS run_id, i AS identity, '{}' AS trial, '' AS status, '' AS reason",
    "wave": "i AS id, i AS run_id, '' AS size, 0 AS number, 0 AS blocks",
    "failure": "i AS trial_id, i AS run_id, '' AS reason_code, '' AS reason",
}
COMPUTED = "ALTER TABLE wave ADD COLUMN more GENERATED ALWAYS AS (hex(zeroblob(400000000)))"


def views() -> list[tuple[str, ...]]:
    """In the place of a table, a view whose rows never end; names of SQLite have no case."""
    return [
        ("PRAGMA foreign_keys = OFF", f"DROP TABLE {name}", f"CREATE VIEW {as_named} AS {select}")
        for name, columns in COLUMNS.items()
        for as_named in (name, name.upper())
        for select in [f"{ENDLESS} {columns}, '' AS sum FROM n"]
    ]


HOSTILE = [
    *views(),
    ("CREATE TRIGGER t AFTER INSERT ON wave BEGIN DELETE FROM run; END",),
    ("DROP TABLE failure", "CREATE VIRTUAL TABLE failure USING fts5(a)"),
    (COMPUTED,),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filed(tmp_path, *waves(SAMPLES, trial(0)))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("statements", HOSTILE, ids=lambda each: each[-1][:30])
def test_what_runs_when_it_is_read_or_written_is_refused(
    path: Path, statements: tuple[str, ...]
) -> None:
    with closing(sqlite3.connect(path)) as hand, hand:
        for statement in statements:
            hand.execute(statement)
    before = path.read_bytes()
    for read_only in (True, False):
        with (
            pytest.raises(RecordError, match="is not a results file of sizewise"),
            Store.open(path, read_only=read_only) as store,
        ):
            store.results()
    with pytest.raises(RecordError, match="is not a results file of sizewise"):
        examine(path)
    assert path.read_bytes() == before


def test_what_a_viewer_adds_for_itself_is_no_harm(path: Path) -> None:
    with closing(sqlite3.connect(path)) as hand, hand:
        hand.execute("CREATE VIEW mine AS SELECT * FROM trial")
        hand.execute("CREATE INDEX faster ON block (started_ns)")
        hand.execute("ANALYZE")
    with Store.open(path) as store:
        assert len(store.results()) == 1
        store.begin_run(RUN)


def test_a_lock_that_is_a_link_is_not_followed(path: Path) -> None:
    """It would make the file that somebody else chose."""
    lock, elsewhere = path.with_name(f"{path.name}.lock"), path.with_name("elsewhere")
    lock.unlink(missing_ok=True)
    lock.symlink_to(elsewhere)
    with pytest.raises(OutputError):
        take_lock(path)
    assert not elsewhere.exists()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("end", ["-journal", "-wal", "-shm"])
def test_a_pipe_beside_it_is_not_waited_for(path: Path, end: str) -> None:
    os.mkfifo(path.with_name(path.name + end))
    for read_only in (True, False):
        with pytest.raises(InputError, match="it is a pipe"):
            Store.open(path, read_only=read_only)
    with pytest.raises(InputError, match="it is a pipe"):
        examine(path)
