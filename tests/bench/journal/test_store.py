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

from bench.journal import database
from bench.journal.store import Store
from bench.journal.sums import summed
from bench.waves.measured import Member, State, Turned, Wave, blocks_of
from sizewise.core.errors import InputError, OutputError, RecordError, SchemaVersionError
from sizewise.core.specs import Size
from sizewise.core.trials import (
    Accuracy,
    Build,
    FirstCall,
    Memory,
    Part,
    Reading,
    Round,
    Sample,
    ShapeChange,
)
from tests.bench.factories import trial, waves
from tests.bench.journal.files import ACCURACY, RUN, SAMPLES, TIMEOUT, filed, read

COLUMNS = ("id", "run_id", "identity", "trial", "status", "reason_code", "reason", "builds")


samples = st.builds(
    Sample,
    started_ns=st.integers(0, 2**62),
    latency_ns=st.lists(st.integers(0, 2**62), min_size=3).map(tuple),
    cpu_ns=st.integers(0, 2**62),
    cold=st.integers(0, 2),
)
readings = st.builds(
    Reading,
    load=st.floats(0, 1),
    steal=st.none() | st.floats(0, 1),
    clock_mhz=st.floats(0, 1e4),
    stopped_s=st.floats(0, 1e6),
    devices=st.dictionaries(
        st.text(),
        st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
        max_size=2,
    ),
)
changes = st.builds(
    ShapeChange,
    batch_size=st.integers(1, 9),
    size=st.builds(Size, st.integers(1, 999), st.integers(1, 999)),
    first_ns=st.integers(0, 2**62),
    later_ns=st.lists(st.integers(0, 2**62)).map(tuple),
    back_ns=st.integers(0, 2**62),
)
parts = st.lists(
    st.builds(
        Part,
        name=st.text(),
        wave=st.just(0),
        latency_ns=st.lists(st.integers(0, 2**62)).map(tuple),
    )
).map(tuple)
memories = st.builds(
    Memory,
    peak_bytes=st.integers(0, 2**60),
    before_bytes=st.just(1),
    run_peak_bytes=st.none() | st.integers(0, 2**60),
    device_bytes=st.none() | st.integers(0, 2**60),
)
first_calls = st.builds(
    FirstCall,
    wave=st.just(0),
    open_ns=st.integers(0, 2**62),
    load_ns=st.none() | st.integers(0, 2**62),
    change=st.none() | changes,
    change_reason=st.text(),
    failures=st.dictionaries(st.text(), st.text(), max_size=2),
)
builds = st.builds(
    Build,
    build_s=st.floats(0, 1e5),
    size_bytes=st.just(7),
    achieved=st.text(),
    device_predicted_bytes=st.none() | st.integers(0, 2**60),
    peak_bytes=st.none() | st.integers(0, 2**60),
)
states = st.just(State()) | st.builds(
    State,
    status=st.sampled_from(("unsupported", "failed", "invalid")),
    reason_code=st.text(),
    reason=st.text(min_size=1),
)
keys = st.tuples(st.integers(0, 9), st.integers(0, 3))


@st.composite
def any_wave(draw: st.DrawFn) -> Wave:
    places = sorted(draw(st.sets(keys, max_size=6)))
    rounds = tuple(
        Round(
            number=number,
            attempt=attempt,
            started_ns=5,
            ended_ns=6,
            reading=draw(readings),
            anchor=draw(st.none() | samples),
            disturbed=draw(st.lists(st.text()).map(tuple)),
        )
        for number, attempt in places
    )
    members = tuple(
        Member(
            trial=trial(replica),
            state=draw(states),
            builds=draw(st.lists(builds, max_size=2).map(tuple)),
            turns=tuple(
                Turned(round=number, attempt=attempt, sample=draw(samples))
                for number, attempt in places
            ),
            first_call=draw(st.none() | first_calls),
            memory=draw(st.none() | memories),
            parts=draw(parts),
            end_to_end=draw(parts),
        )
        for replica in range(draw(st.integers(1, 2)))
    )
    return Wave(
        size=Size(32, 64),
        number=draw(st.integers(0, 9)),
        rebuild=draw(st.integers(0, 2)),
        anchor=draw(st.text()),
        started_ns=1,
        ended_ns=2,
        rounds=rounds,
        members=members,
    )


@given(any_wave())
@settings(max_examples=40, deadline=None)
def test_a_wave_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, wave: Wave) -> None:
    found = read(filed(tmp_path_factory.mktemp("store"), wave))
    blocks = blocks_of(wave, 1, session=1)
    for member, result in zip(wave.members, found, strict=True):
        assert result.trial == member.trial
        assert (result.status, result.reason) == (member.state.status, member.state.reason)
        assert result.builds == member.builds
        assert result.blocks == blocks[member.trial.identity]
        numbered = [member.first_call] if member.first_call else []
        assert [replace(call, wave=0) for call in result.first_calls] == numbered
        assert [call.wave for call in result.first_calls] == [1] * len(numbered)
        assert list(result.memory) == ([member.memory] if member.memory else [])
        assert tuple(replace(part, wave=0) for part in result.parts) == member.parts
        assert tuple(replace(part, wave=0) for part in result.end_to_end) == member.end_to_end


def test_waves_add_to_a_trial_and_its_blocks_know_their_wave(tmp_path: Path) -> None:
    one, other = trial(0), trial(1)
    path = filed(tmp_path, *waves(SAMPLES, one))
    filed(tmp_path, *waves(SAMPLES, one, other))
    first, second = read(path)
    assert [block.wave for block in first.blocks] == [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    assert {block.wave for block in second.blocks} == {3, 4}
    assert {block.session for block in first.blocks} == {1, 2}


def test_runs_come_back_in_order_with_the_trials_that_they_added(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial(0)))
    filed(tmp_path, *waves(SAMPLES, trial(0), trial(1), trial(2)))
    with Store.open(path, read_only=True) as store:
        runs = store.runs()
    assert [[r.trial.replica for r in run.results] for run in runs] == [[0], [1, 2]]
    assert replace(runs[0], results=()) == RUN


def test_what_became_of_a_trial_is_renewed_and_its_samples_stay(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    failure = State(status="failed", reason_code="timeout", reason="It hung.")
    for state in (failure, State()):
        with Store.open(path) as store:
            store.note(1, trial(), state)
        (found,) = read(path)
        assert (found.status, found.reason, len(found.blocks)) == ("ok", state.reason, 6)


def test_outputs_that_were_not_finite_outweigh_samples(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    with Store.open(path) as store:
        store.note(1, trial(), State(status="invalid", reason_code="numerics", reason="NaN."))
    (found,) = read(path)
    assert (found.status, len(found.blocks)) == ("invalid", 6)


def test_a_trial_without_samples_is_what_became_of_it(tmp_path: Path) -> None:
    failure = State(status="failed", reason_code="timeout", reason="It hung.")
    (wave,) = waves(SAMPLES[:1], trial())
    (member,) = wave.members
    broken = replace(wave, members=(replace(member, state=failure, turns=()),))
    (found,) = read(filed(tmp_path, broken))
    assert (found.status, found.reason, found.blocks) == ("failed", "It hung.", ())


def test_an_accuracy_is_added_later_and_one_that_fails_leaves_the_latency(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    nothing = Accuracy(images=0, data_sha256="ef")
    with Store.open(path) as store:
        store.add_accuracy(1, trial(), nothing, reason="The data changed.")
    (failed,) = read(path)
    assert (failed.status, len(failed.blocks)) == ("ok", 6)
    assert (failed.accuracy, failed.accuracy_reason) == (None, "The data changed.")
    with Store.open(path) as store:
        store.add_accuracy(1, trial(), ACCURACY)
    (found,) = read(path)
    assert (found.accuracy, found.accuracy_reason) == (ACCURACY, "")


def cells(path: Path) -> list[tuple[str, str]]:
    """All columns of all tables."""
    query = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = filed(tmp_path_factory.mktemp("whole"), *waves(SAMPLES, trial()))
    with Store.open(path) as store:
        store.add_accuracy(1, trial(), ACCURACY)
        other = replace(ACCURACY, chosen="9 of 50")
        store.add_accuracy(1, trial(), other, "It hung.", "timeout")
        store.note(1, trial(7), TIMEOUT)
    return path


def test_the_blocks_of_some_trials_are_those_of_their_results(tmp_path: Path) -> None:
    few, many = [trial(0), trial(1)], [trial(n) for n in range(4)]
    path = filed(tmp_path, *waves(SAMPLES, *few), *waves(2 * SAMPLES, *many))
    path = filed(tmp_path, *waves(3 * SAMPLES, trial(1), trial(3)))
    with Store.open(path) as store:
        store.note(1, trial(7), TIMEOUT)
        whole = store.results()
        for some in ([0], [1, 3], [2, 7], [0, 1, 2, 3, 7], []):
            names = [trial(n).identity for n in some]
            found = {name: tuple(blocks) for name, blocks in store.blocks(names).items()}
            assert found == {n: whole[n].blocks for n in names if whole[n].blocks}
        bare = store.results(samples=False)
    assert bare == {name: replace(one, blocks=()) for name, one in whole.items()}


@pytest.mark.parametrize("table", ["wave", "round", "block"])
def test_blocks_that_are_damaged_are_not_given(tmp_path: Path, table: str) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial(0), trial(1)))
    with closing(sqlite3.connect(path)) as hand, hand:
        hand.execute(f"UPDATE {table} SET started_ns = started_ns + 1")
    with Store.open(path) as store, pytest.raises(RecordError, match="damaged"):
        store.blocks([trial(1).identity])


def test_no_changed_cell_is_ever_taken_for_a_result(whole: Path, tmp_path: Path) -> None:
    """A digit more, another text, or a number that became one: each cell of each table."""
    before = read(whole)
    for table, column in cells(whole):
        path = tmp_path / f"{table}-{column}.sqlite"
        path.write_bytes(whole.read_bytes())
        with closing(sqlite3.connect(path)) as hand, hand:
            hand.execute("PRAGMA ignore_check_constraints = ON")
            changed = f"CASE WHEN typeof({column}) = 'integer' THEN {column} + 1"
            changed += f" ELSE coalesce({column}, '') || '1' END"
            hand.execute(f"UPDATE OR REPLACE {table} SET {column} = {changed}")
        with pytest.raises(RecordError):
            read(path)
    assert read(whole) == before


@pytest.mark.parametrize("table", ["wave", "round", "block"])
def test_a_missing_row_is_no_smaller_result(whole: Path, tmp_path: Path, table: str) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(path)) as hand, hand:
        which = "id = 1" if table == "wave" else "wave_id = 1"
        hand.execute(f"DELETE FROM {table} WHERE {which}")
    with pytest.raises(RecordError, match="damaged"):
        read(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trial SET status = 'fine'",
        "UPDATE trial SET status = 'failed'",
        "UPDATE block SET cold = 99",
        "UPDATE block SET cpu_ns = -1",
        "UPDATE wave SET ended_ns = started_ns - 1",
        "UPDATE run SET environment = '{'",
        "UPDATE accuracy SET reason = 'both'",
    ],
)
def test_the_tables_refuse_what_makes_no_sense(whole: Path, tmp_path: Path, statement: str) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(path)) as hand, pytest.raises(sqlite3.IntegrityError):
        hand.execute(statement)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    large = waves(np.full((1, 10, 20_000), 1e6), trial(1))
    with Store.open(path) as store:
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
        run = store.begin_run(RUN)
        with pytest.raises(OutputError, match=r"full.*Free some space"):
            store.add_wave(run, large[0])
    assert [r.trial.replica for r in read(path)] == [0]
    assert [r.trial.replica for r in read(filed(tmp_path, *large))] == [0, 1]


HOLD_TO_READ = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN")
connection.execute("SELECT * FROM trial").fetchone()
print("ready", flush=True)
sys.stdin.readline()
"""


def test_a_viewers_lock_is_waited_for_with_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The viewer closes as soon as the notice is given."""
    monkeypatch.setattr(database, "_NOTICE_S", 0.2)
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_TO_READ, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as viewer:
        assert viewer.stdin is not None
        assert viewer.stdout is not None
        assert viewer.stdout.readline() == "ready\n"
        said: list[str] = []

        def remark(text: str) -> None:
            said.append(text)
            assert viewer.stdin is not None
            viewer.stdin.close()

        with Store.open(path, remark=remark) as store:
            for wave in waves(SAMPLES, trial(1)):
                store.add_wave(store.begin_run(RUN), wave)
    assert len(said) == 1
    assert "keeps it locked" in said[0]
    assert [len(r.blocks) for r in read(path)] == [6, 6]


def test_a_lock_that_stays_is_an_error_that_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_NOTICE_S", 0.05)
    monkeypatch.setattr(database, "_PATIENCE_S", 0.1)
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    with Store.open(path) as store, closing(sqlite3.connect(path)) as viewer:
        viewer.execute("BEGIN")
        viewer.execute("SELECT * FROM trial").fetchone()
        with pytest.raises(RecordError, match="is locked"):
            store.begin_run(RUN)
    assert len(read(path)) == 1


def test_what_another_program_left_unmerged_is_read_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In WAL mode, the latest results stand in a file beside the database."""
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    with closing(sqlite3.connect(path)) as hand:
        hand.execute("PRAGMA journal_mode = WAL")
        hand.execute("UPDATE run SET command = command")
        hand.commit()
        kept = {end: Path(f"{path}{end}").read_bytes() for end in ("", "-wal", "-shm")}
    folder = tmp_path / "read-only"
    folder.mkdir()
    for end, content in kept.items():
        (folder / f"results.sqlite{end}").write_bytes(content)
    monkeypatch.setattr(os, "access", lambda where, mode: False)
    assert len(read(folder / "results.sqlite")[0].blocks) == 6
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == {
        f"results.sqlite{end}": content for end, content in kept.items()
    }


def test_an_empty_file_holds_nothing_and_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    path.touch()
    with pytest.raises(RecordError, match="the file is empty"):
        Store.open(path, read_only=True)
    assert len(read(filed(tmp_path, *waves(SAMPLES, trial())))) == 1


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    with Store.open(path), pytest.raises(RecordError, match="another sizewise"):
        Store.open(path)
    with Store.open(path):
        assert len(read(path)) == 1


HOLD = """
import sys, time
from pathlib import Path
from bench.journal import database
from bench.journal.store import Store
from bench.journal.sums import summed
from bench.waves.measured import Member, State, Turned, Wave, blocks_of
store = Store.open(Path(sys.argv[1]))
connection = store._connection
connection.execute("PRAGMA cache_size = 1")  # so that the commit spills to the file before its end
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE trial SET builds = ?", ("[" + "1," * 200_000 + "1]",))
connection.execute("DELETE FROM block")
print("ready", flush=True)
time.sleep(60)
"""


def test_a_killed_writer_leaves_neither_a_lock_nor_half_a_commit(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    before = read(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        writer.send_signal(signal.SIGKILL)
    assert path.with_name("results.sqlite-journal").exists()
    assert read(path) == before
    assert [r.trial.replica for r in read(filed(tmp_path, *waves(SAMPLES, trial(1))))] == [0, 1]


def test_a_file_on_a_read_only_disk_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
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
    path = filed(tmp_path, *(w for n in range(5) for w in waves(SAMPLES.repeat(90, 2), trial(n))))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    with pytest.raises(RecordError):
        read(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(SchemaVersionError, match="version 99"):
        Store.open(path, read_only=True)


def test_a_value_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    path = filed(tmp_path, *waves(SAMPLES, trial()))
    with sqlite3.connect(path) as hand:
        row = dict(
            zip(
                COLUMNS,
                hand.execute(f"SELECT {', '.join(COLUMNS)} FROM trial").fetchone(),
                strict=True,
            )
        )
        summed_row = summed("trial", row | {"trial": "{}"})
        hand.execute("UPDATE trial SET trial = :trial, sum = :sum", summed_row)
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


def test_a_sweep_that_was_killed_before_its_tables_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        database.make_durable(connection)
        connection.execute("PRAGMA user_version = 0")
    assert path.stat().st_size
    with pytest.raises(RecordError, match="it has no tables: no result was stored"):
        Store.open(path, read_only=True)
    with Store.open(path) as store:
        assert store.results() == {}
