"""Processes that want one engine: one builds it, whatever others left, and whoever dies."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines.store import cache as cache_module
from engines.store import sharing
from engines.store.contents import engine_sha256
from engines.store.locks import alone
from engines.store.names import lock_of, new_draft
from engines.store.opening import open_engine
from sizewise.core.errors import BuildError, OutputError
from tests.engines.store.requests import Cache, request_of

_HOLDER = (
    "import fcntl, os, sys; handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT);"
    "fcntl.flock(handle, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def home(cache: Cache) -> Path:
    """Where the engine will be."""
    cache.folder.mkdir()
    return cache.folder / request_of(cache.model).name


def never(*_: object) -> None:
    raise AssertionError("it need not wait")


def test_a_builder_is_waited_for_and_its_death_frees_the_engine(cache: Cache, home: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(lock_of(home))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    said: list[str] = []

    def heard(text: str) -> None:
        said.append(text)
        holder.kill()

    cache_module.obtain_engine(
        cache.model, request_of(cache.model).spec, cache.folder, remark=heard
    )
    holder.communicate()
    assert said == [f"Another process is building {home.name}: waiting for it."]
    assert cache.names() == [home.name]


def test_a_builder_that_takes_too_long_is_an_error(
    cache: Cache, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_MARGIN_S", 0.0)
    with alone(lock_of(home), patience_s=0, waits=never):
        with pytest.raises(BuildError, match="another process has been at it") as caught:
            cache.obtain(timeout_s=0.0)
        assert caught.value.reason_code == "timeout"
    assert cache.obtain().path == home


def test_what_dead_builders_left_never_blocks(cache: Cache, home: Path) -> None:
    """Their lock, their draft, and a draft with our own number of a process."""
    lock_of(home).touch()
    draft, older = new_draft(home), home.with_name(f".{home.name}.{os.getpid()}")
    draft.mkdir()
    older.mkdir()
    assert cache.obtain().path == home
    assert cache.names() == sorted([older.name, home.name])
    assert cache.said == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [os.mkfifo, Path.touch, lambda path: path.symlink_to("/dev/zero")])
def test_what_only_has_the_name_of_a_draft_is_removed(
    cache: Cache, home: Path, make: Callable[[Path], None]
) -> None:
    """A pipe would be waited for, for ever, where it was opened as a folder."""
    for number in range(2):
        make(new_draft(home))
        assert cache.obtain().path == home, number
    assert cache.names() == [home.name]


def test_drafts_are_removed_also_where_the_engine_is_there(cache: Cache) -> None:
    home = cache.obtain().path
    draft = new_draft(home)
    draft.mkdir()
    with alone(lock_of(home), patience_s=0, waits=never):
        cache.obtain()
        assert draft.exists()  # somebody builds there
    cache.obtain()
    assert cache.names() == [home.name]


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP])
def test_where_no_locks_work_it_builds_and_says_so_once(
    cache: Cache, home: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refused)
    others = new_draft(home)
    others.mkdir()
    first = cache.obtain()
    (first.path / "engine.txt").write_text("damaged", encoding="utf-8")
    again = cache.obtain()
    open_engine(again).close()
    assert sum("no locks" in text for text in cache.said) == 1
    assert others.exists()  # nobody can tell whether its builder lives


def test_a_lock_that_was_removed_under_us_is_no_lock(tmp_path: Path) -> None:
    """As where a waiting process gets the lock of a file that its holder has removed."""
    path = tmp_path / "lock"
    with alone(path, patience_s=0, waits=never):
        path.unlink()
        with alone(path, patience_s=0, waits=never):
            assert path.exists()
        assert not path.exists()
    assert not path.exists()


def test_a_link_is_no_lock(cache: Cache, home: Path, tmp_path: Path) -> None:
    lock_of(home).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError):
        cache.obtain()
    assert not (tmp_path / "elsewhere").exists()


def test_a_pipe_in_the_place_of_a_folder_is_not_waited_for(cache: Cache) -> None:
    os.mkfifo(cache.folder)
    with pytest.raises(OutputError, match="file exists"):
        cache.obtain()


def test_a_full_disk_is_a_typed_error_and_leaves_nothing(
    cache: Cache, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "rename_durably", full)
        with pytest.raises(OutputError, match="no space left"):
            cache.obtain()
    assert cache.names() == []


def test_a_flush_that_fails_after_the_rename_is_no_success(
    cache: Cache, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the engine may be gone after a loss of power. The next command takes it."""

    def unflushed(draft: Path, path: Path) -> None:
        draft.replace(path)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "rename_durably", unflushed)
        with pytest.raises(OutputError, match="input/output error"):
            cache.obtain()
    before = home.stat().st_ino
    assert cache.obtain().path.stat().st_ino == before
    assert cache.said == []


@pytest.mark.parametrize(
    ("moment", "named", "said"),
    [
        ("build", None, r"\.draft-\w+"),
        ("build", "source.onnx", r"\.draft-\w+"),
        ("inspect", "/elsewhere/file", "^/elsewhere/file"),
    ],
)
def test_a_disk_that_fails_within_a_build_is_an_output_error(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, moment: str, named: str | None, said: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), named)

    monkeypatch.setattr(f"engines.backends.fake.Fake._{moment}", refuse)
    with pytest.raises(OutputError, match=f"{said} can't be written: read-only file system"):
        cache.obtain()


def test_an_engine_of_somebody_elses_folder_that_is_unfit_is_a_typed_error(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = cache.obtain().path
    (home / "engine.txt").write_text("damaged", encoding="utf-8")

    def refused(self: Path, target: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OutputError, match="neither used nor moved aside"):
        cache.obtain()
    assert home.exists()


def test_an_engine_in_a_folder_that_can_only_be_read_is_taken(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    good = cache.obtain()
    monkeypatch.setattr(cache_module, "output_folder", pytest.fail)
    monkeypatch.setattr(os, "utime", refused)
    assert cache.obtain() == good


def test_an_engine_that_goes_while_it_is_read_is_built_anew(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, home = "engines.store.opening.engine_sha256", cache.obtain().path

    def gone(folder: Path) -> str:
        monkeypatch.setattr(name, engine_sha256)
        shutil.rmtree(folder)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    monkeypatch.setattr(name, gone)
    assert cache.obtain().path == home
    assert cache.said == []
