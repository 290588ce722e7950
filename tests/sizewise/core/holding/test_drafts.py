"""Drafts of files: those of killed writers go, those of others stay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sizewise.core.files import written_whole
from sizewise.core.holding import drafts, locks

_WRITER = """
import sys
from pathlib import Path
from sizewise.core.files import written_whole

with written_whole(Path(sys.argv[1])) as draft:
    draft.write_text("theirs")
    print("written", flush=True)
    sys.stdin.read()
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="no locks between processes here")


@contextmanager
def writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has written its draft and waits."""
    command = (sys.executable, "-c", _WRITER, str(path))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        yield process


def write(path: Path) -> None:
    with written_whole(path) as draft:
        draft.write_text("ours")


def beside(path: Path) -> list[str]:
    return sorted(one.suffix for one in path.parent.iterdir() if one != path)


@posix
@pytest.mark.parametrize("name", ["file.txt", ".hidden", "[a]*.b?", "x.part"])
def test_the_draft_of_a_killed_writer_is_removed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with writer(path) as killed:
        killed.kill()
    assert beside(path) == [".lock", ".part"]
    write(path)
    assert (path.read_text(), beside(path)) == ("ours", [])


@posix
def test_the_draft_of_a_living_writer_stays(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with writer(path) as other:
        write(path)
        assert (path.read_text(), beside(path)) == ("ours", [".lock", ".part"])
        other.communicate()
    assert (path.read_text(), beside(path)) == ("theirs", [])


@posix
def test_drafts_of_killed_writers_of_one_kind_go_from_a_folder(tmp_path: Path) -> None:
    """Whatever the files are called; those of a living writer and of other kinds stay."""
    for name in ("old.onnx", "old.onnx.txt"):
        with writer(tmp_path / name) as killed:
            killed.kill()
    with writer(tmp_path / "living.onnx") as other:
        drafts.clear_drafts(tmp_path, {".onnx", ".pt2"})
        left = sorted(one.name.rpartition(".")[0][:-13] for one in tmp_path.iterdir())
        assert left == [".living.onnx", ".living.onnx", ".old.onnx.txt", ".old.onnx.txt"]
        other.communicate()


@posix
def test_drafts_of_other_files_stay(tmp_path: Path) -> None:
    names = (".a.txt.0123456789ab.lock", ".file.txt.mine.lock", ".file.txt.lock", "file.txt.lock")
    for name in names:
        (tmp_path / name).touch()
    write(tmp_path / "file.txt")
    assert {one.name for one in tmp_path.iterdir()} == {*names, "file.txt"}


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    path.symlink_to("/dev/zero")


@posix
@pytest.mark.parametrize("put", [pipe, Path.mkdir, link])
def test_what_is_no_lock_file_says_nothing(tmp_path: Path, put: Callable[[Path], None]) -> None:
    put(tmp_path / ".file.txt.0123456789ab.lock")
    draft = tmp_path / ".file.txt.0123456789ab.part"
    draft.touch()
    write(tmp_path / "file.txt")
    assert (tmp_path / "file.txt").read_text() == "ours"
    assert draft.exists()


def test_without_locks_files_are_written_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(handle: int, *, shared: bool = False) -> bool:
        del handle, shared
        raise locks.NoLocksError

    monkeypatch.setattr(drafts, "try_lock", none)
    write(tmp_path / "file.txt")
    assert [one.name for one in tmp_path.iterdir()] == ["file.txt"]


@posix
def test_a_lock_that_another_process_took_for_a_left_over_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, taken = tmp_path / "file.txt", list[int]()

    def late(handle: int, *, shared: bool = False) -> bool:
        if not taken:  # it was removed between its making and its locking
            taken.append(handle)
            next(tmp_path.glob("*.lock")).unlink()
        return locks.try_lock(handle, shared=shared)

    monkeypatch.setattr(drafts, "try_lock", late)
    with written_whole(path) as draft:
        assert beside(path) == [".lock"]
        assert draft.with_suffix(".lock").exists()
        draft.write_text("ours")
    assert (path.read_text(), beside(path)) == ("ours", [])
