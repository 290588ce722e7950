"""Full disks, and folders in which nothing can be written: what is on file stays, and is read."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np
import pytest

from bench.journal import database, opening
from bench.journal.sentences import sentences
from bench.journal.store import Store
from sizewise.core.errors import InputError, OutputError, RecordError
from tests.bench.factories import trial, waves
from tests.bench.journal.files import ACCURACY, RUN, TIMEOUT, filed, read, with_everything

(LARGE,) = waves(np.full((1, 10, 1500), 1e6), trial(7))
NOBODY = 65534
MORE_ROOM = r"Free some space|Raise the limit on the size of a file"
EVIDENCE = replace(ACCURACY, data_sha256="another", evidence=bytes(50_000))
WRITES: dict[str, Callable[[Store], object]] = {
    "run": lambda store: store.begin_run(RUN),
    "wave": lambda store: store.add_wave(1, LARGE),
    "state": lambda store: store.note(1, trial(7), TIMEOUT),
    "accuracy": lambda store: store.add_accuracy(2, trial(0), EVIDENCE),
}


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system writes no byte of a file beyond ``size``, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_everything(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("what", WRITES)
def test_wherever_the_disk_is_full_nothing_is_lost(whole: Path, tmp_path: Path, what: str) -> None:
    """The file, or the journal of a commit, may reach the end: then nothing of the commit stands
    there, and the same command does it later."""
    before, path = read(whole), tmp_path / "results.sqlite"
    size = whole.stat().st_size
    failed = 0
    for limit in (0, 512, 9000, size, size + 1, size + 4096, size + 40_000, size + 10**6):
        path.write_bytes(whole.read_bytes())
        if not written(path, what, limit):
            failed += 1
            assert read(path) == before
            assert written(path, what, 10**9)
        assert (read(path) == before) is (what == "run")
    assert 1 <= failed < 8


def written(path: Path, what: str, limit: int) -> bool:
    """Whether it could be written: otherwise, it is said why."""
    try:
        with largest_file(limit), Store.open(path) as store:
            WRITES[what](store)
    except OutputError as error:
        return not re.search(MORE_ROOM, str(error))
    return True


def test_a_file_that_could_not_be_begun_is_begun_later(tmp_path: Path) -> None:
    for limit in (0, 100, 512, 4096, 9000, 20_000):
        with pytest.raises(OutputError, match=MORE_ROOM), largest_file(limit):
            Store.open(tmp_path / "results.sqlite")
        assert not (tmp_path / "results.sqlite").exists()
    assert len(read(filed(tmp_path, LARGE))) == 1


@pytest.fixture
def sweep(whole: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A sweep of somebody else, within a commit to ``results.sqlite``."""
    path = tmp_path / "results.sqlite"
    path.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE run SET command = 'another'")
        assert path.with_name("results.sqlite-journal").exists()
        yield connection


def while_copying(patch: pytest.MonkeyPatch, happens: Callable[[Path], object]) -> None:
    """Let it happen after each copy of a file, where nothing can be written beside it."""
    copy = shutil.copyfile

    def disturbed(source: Path, target: Path) -> None:
        copy(source, target)
        happens(source)

    patch.setattr(os, "access", lambda where, mode: False)
    patch.setattr(shutil, "copyfile", disturbed)
    patch.setattr(opening, "_PAUSE_S", 0)


def test_a_commit_that_ends_while_the_file_is_copied(
    whole: Path, sweep: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal is gone then: the copy is made anew."""
    while_copying(monkeypatch, lambda _: sweep.rollback())
    assert read(tmp_path / "results.sqlite") == read(whole)


@pytest.mark.usefixtures("sweep")
def test_a_file_that_never_rests_is_not_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_copying(
        monkeypatch, lambda source: os.utime(source, ns=(0, source.stat().st_mtime_ns + 1))
    )
    with pytest.raises(RecordError, match="keeps writing"):
        read(tmp_path / "results.sqlite")


@pytest.mark.usefixtures("sweep")
def test_a_copy_that_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    while_copying(monkeypatch, full)
    with pytest.raises(InputError, match="no space left on device"):
        read(tmp_path / "results.sqlite")


def as_nobody(work: Callable[[], bool]) -> bool:
    """What ``work`` says to a user without any right of ours, in a process of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        pid = os.fork()
    if pid == 0:
        code = 2
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            code = 0 if work() else 1
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert ended in (0, 1), "it could not be asked"
    return ended == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("ends", [("", "-wal", "-shm"), ("", "-wal")], ids=["", "without -shm"])
def test_somebody_else_reads_results_that_are_not_merged(
    whole: Path, tmp_path: Path, ends: tuple[str, ...]
) -> None:
    """In the sweep's own folder, where they may read and not write."""
    source = tmp_path / "results.sqlite"
    source.write_bytes(whole.read_bytes())
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "results.sqlite"
        with ExitStack() as opened:
            connection = opened.enter_context(closing(database.connect(source)))
            connection.execute("PRAGMA journal_mode = WAL")
            Store(source, connection, opened, lambda _: None).add_wave(1, LARGE)
            for end in ends:
                Path(f"{path}{end}").write_bytes(Path(f"{source}{end}").read_bytes())
        before = sorted(Path(folder).iterdir())
        if not as_nobody(lambda: os.access(path, os.R_OK) and os.access(gettempdir(), os.W_OK)):
            pytest.skip("other users may not use the temporary folder of this one")
        assert as_nobody(lambda: not os.access(folder, os.W_OK))
        held = read(source)  # merged by now
        assert len(held) == len(read(whole)) + 1
        assert as_nobody(lambda: read(path) == held)
        assert sorted(Path(folder).iterdir()) == before


@pytest.mark.parametrize("code", ["WRITE", "FSYNC", "DIR_FSYNC", "TRUNCATE", "DELETE", "CLOSE"])
def test_a_disk_that_fails_is_no_damage_of_the_file(whole: Path, code: str) -> None:
    """As SQLite numbers it, and in its words: it knows no others."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_IOERR_{code}")
    with pytest.raises(OutputError, match=r"can't be written: disk I/O error"), sentences(whole):
        raise error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EFBIG, errno.EIO])
def test_what_the_system_says_is_told_where_it_says_it_now(
    whole: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """SQLite says no more than that its journal can't be opened."""

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    with pytest.raises(OutputError, match=os.strerror(number).lower()), sentences(whole):
        raise error
