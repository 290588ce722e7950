from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from netzoo.data.cache import cache_root, obtain
from netzoo.data.coco.format import CocoFile, save_coco_json
from sizewise.core.errors import InputError, OutputError

_KILLED_WHILE_MAKING = """
import os, signal
from netzoo.data.cache import obtain

def make(folder):
    (folder / "text").write_text("hal")
    os.kill(os.getpid(), signal.SIGKILL)

obtain("thing", make, lambda folder: (folder / "text").read_text())
"""


def _make(folder: Path) -> None:
    (folder / "text").write_text("whole")


def _read(folder: Path) -> str:
    text = (folder / "text").read_text()
    if text != "whole":
        raise InputError("The text is not whole", f"it reads {text!r}", "Make it again.")
    return text


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIZEWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZEWISE_CACHE", "/ours")
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_root() == Path("/ours")
    monkeypatch.delenv("SIZEWISE_CACHE")
    assert cache_root() == Path("/shared/sizewise")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path("/home/me/.cache/sizewise")


def test_it_is_made_once(root: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        _make(folder)

    assert obtain("thing", make, _read) == "whole"
    assert obtain("thing", make, _read) == "whole"
    assert len(made) == 1
    assert [path.name for path in root.iterdir()] == ["thing"]


def test_a_killed_making_leaves_nothing_in_its_place(root: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_WHILE_MAKING], check=False, cwd=Path(__file__).parents[3]
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (root / "thing").exists()
    left = list(root.iterdir())
    assert len(left) == 1
    assert obtain("thing", _make, _read) == "whole"
    assert left[0].exists(), "another process may be making it: a young folder stays"
    hours_ago = time.time() - 2 * 3600
    os.utime(left[0], (hours_ago, hours_ago))
    obtain("other", _make, _read)
    assert not left[0].exists()


def test_a_broken_one_is_made_again(root: Path) -> None:
    obtain("thing", _make, _read)
    (root / "thing" / "text").write_text("hal")
    assert obtain("thing", _make, _read) == "whole"
    assert [path.name for path in root.iterdir()] == ["thing"]


def test_of_those_who_make_it_at_once_all_get_it(root: Path) -> None:
    together = threading.Barrier(4, timeout=30)
    found: list[str] = []

    def make(folder: Path) -> None:
        together.wait()
        _make(folder)

    threads = [
        threading.Thread(target=lambda: found.append(obtain("thing", make, _read)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["whole"] * 4
    assert [path.name for path in root.iterdir()] == ["thing"]


def test_a_full_disk_is_a_sentence_and_leaves_nothing(root: Path) -> None:
    def make(folder: Path) -> None:
        _make(folder)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutputError, match=r"No space left on device.*SIZEWISE_CACHE"):
        obtain("thing", make, _read)
    assert list(root.iterdir()) == []


def test_a_cache_that_is_no_folder_is_a_sentence(root: Path) -> None:
    root.write_text("a file")
    with pytest.raises(OutputError, match="can't be kept in"):
        obtain("thing", _make, _read)


def test_why_it_can_not_be_made_comes_through(root: Path) -> None:
    def make(folder: Path) -> None:
        raise InputError("It can't be made", "a package is missing", "Install it.")

    with pytest.raises(InputError, match="a package is missing"):
        obtain("thing", make, _read)


def test_it_is_on_the_disk_before_it_has_its_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a flush that fails is no success, though what is there then is whole."""
    flushed: list[str] = []
    flush = os.fsync

    def fsync(handle: int) -> None:
        flush(handle)
        flushed.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        if (root / "thing").exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    if not Path("/proc/self/fd").exists():
        pytest.skip("names no open files")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(OutputError, match="Input/output error"):
            obtain("thing", _make, _read)
    assert flushed == ["text", "made", root.name]
    assert obtain("thing", lambda folder: None, _read) == "whole"


def test_a_full_disk_has_one_sentence_whatever_is_written(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    nothing = CocoFile(images=[], annotations=[], categories=[])
    with pytest.raises(OutputError, match=r"No space left on device\. Make room there"):
        obtain("thing", lambda folder: save_coco_json(nothing, folder / "a.json"), _read)
