"""Other programs that have the file open: sweeps wait for them, reports see one moment."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from bench.journal import database
from bench.journal.store import Store
from sizewise.core.errors import RecordError
from tests.bench.factories import trial, waves
from tests.bench.journal.files import (
    ACCURACY,
    RUN,
    SAMPLES,
    TIMEOUT,
    Clock,
    filed,
    read,
    viewer,
    with_everything,
)

(WAVE,) = waves(SAMPLES[:1], trial(7))
WRITES: dict[str, Callable[[Store], object]] = {
    "run": lambda store: store.begin_run(RUN),
    "wave": lambda store: store.add_wave(1, WAVE),
    "state": lambda store: store.note(1, trial(7), TIMEOUT),
    "accuracy": lambda store: store.add_accuracy(1, trial(0), ACCURACY, reason="It changed."),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_viewer_of_40_seconds_is_waited_for_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    said: list[str] = []
    before = read(with_everything(tmp_path))
    clock, path = Clock(monkeypatch), tmp_path / "results.sqlite"
    with ExitStack() as window, Store.open(path, remark=said.append) as store:
        window.enter_context(viewer(path))
        clock.close(window, after_s=40)
        WRITES[what](store)
    assert len(said) == 1
    after = read(path)
    assert (after == before) is (what == "run")
    assert [r.blocks for r in after if r.trial != trial(7)] == [r.blocks for r in before]


@pytest.mark.parametrize("what", WRITES)
def test_a_viewer_that_stays_ends_the_sweep_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The same sweep goes on later."""
    path = with_everything(tmp_path)
    before = read(path)
    clock = Clock(monkeypatch)
    with Store.open(path) as store:
        with viewer(path), pytest.raises(RecordError, match="is locked"):
            WRITES[what](store)
        assert clock.now_s >= 600
        assert read(path) == before
        WRITES[what](store)
    with Store.open(path, read_only=True) as store:
        assert len(store.runs()) == (3 if what == "run" else 2)


def test_a_new_file_is_created_as_soon_as_nobody_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.sqlite"
    path.touch()
    said: list[str] = []
    with ExitStack() as window:
        Clock(monkeypatch).close(window, after_s=40)
        window.enter_context(viewer(path))
        Store.open(path, remark=said.append).close()
    assert len(said) == 1
    assert len(read(filed(tmp_path, WAVE))) == 1


def test_a_file_that_another_program_keeps_for_itself_is_opened_as_soon_as_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filed(tmp_path, WAVE)
    said: list[str] = []
    with ExitStack() as window:
        Clock(monkeypatch).close(window, after_s=40)
        other = window.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
        other.execute("BEGIN EXCLUSIVE")
        with Store.open(path, remark=said.append) as store:
            assert len(store.results()) == 1
    assert len(said) == 1


def test_a_report_says_that_another_program_keeps_the_file_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And reads it as soon as it may."""
    path = filed(tmp_path, WAVE)
    # SQLite waits for five seconds by itself.
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RecordError, match="is locked") as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "Close the program" in caught.value.todo
    assert len(read(path)) == 1


@contextmanager
def at_the_blocks(store: Store, work: Callable[[], object]) -> Iterator[None]:
    """Do ``work`` once while the store reads, between the rounds and their blocks."""
    left = [work]

    def look(statement: str) -> None:
        if "FROM block" in statement and left:
            left.pop()()

    store._connection.set_trace_callback(look)
    yield
    assert not left, "it was done"


@pytest.mark.parametrize("writable", [True, False], ids=["", "read-only folder"])
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_what_is_read_is_of_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, writable: bool
) -> None:
    """A sweep stores a wave while a report is made: it stands there whole, or not at all."""
    path = with_everything(tmp_path)
    before = read(path)
    monkeypatch.setattr(database, "_NOTICE_S", 0.0)
    monkeypatch.setattr(database, "_PATIENCE_S", 0.0)
    with ExitStack() as opened:
        connection = opened.enter_context(closing(database.connect(path)))
        connection.execute(f"PRAGMA journal_mode = {mode}")
        sweep = Store(path, connection, opened, lambda text: None)

        def add() -> None:
            with suppress(RecordError):  # it is locked: a sweep waits
                sweep.add_wave(1, WAVE)

        with monkeypatch.context() as disk:
            if not writable:
                disk.setattr(os, "access", lambda where, mode: False)
            reader = opened.enter_context(Store.open(path, read_only=True))
        with at_the_blocks(reader, add):
            assert [result for run in reader.runs() for result in run.results] == list(before)
        reader._connection.set_trace_callback(None)
        if len(sweep.results()) == len(before):
            add()
        assert sweep.results()[trial(7).identity].blocks
