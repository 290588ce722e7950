"""The temporary folder of a child goes, however the child and its parent end."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sizewise.core.children.child import Child, ChildError
from sizewise.core.children.scratch import Scratch
from sizewise.core.holding import temporary as temporary_folders
from tests.sizewise.core.children.processes import PATIENCE_S, alive, soon


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this process, in which nothing was cleared yet."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(temporary_folders, "_cleared", set())
    return folder


def test_what_a_child_and_its_compiler_left_goes_when_they_crash(temporary: Path) -> None:
    with Child("acts:Home", {}) as child:
        left = Path(child.call("leave_a_file", {}, timeout_s=PATIENCE_S))
        child.call(
            "start", {"script": 'echo x > "$TMPDIR/cc1.s"; echo ready'}, timeout_s=PATIENCE_S
        )
        (own,) = temporary.iterdir()
        assert left.parent == own
        assert {path.name for path in own.iterdir()} == {left.name, "cc1.s"}
        with pytest.raises(ChildError):
            child.call("abort", {}, timeout_s=PATIENCE_S)
    assert list(temporary.iterdir()) == []


PARENT = """
import sys, time
from sizewise.core.children.child import Child
with Child("acts:Home", {}) as child:
    print(child.pid, child.call("leave_a_file", {}, timeout_s=60), flush=True)
    time.sleep(1000)
"""


def test_what_is_left_where_the_parent_is_killed_goes_with_the_next_child(
    temporary: Path, acts: Path
) -> None:
    paths = os.pathsep.join([str(acts), *sys.path])
    environment = os.environ | {"PYTHONPATH": paths, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid, left = parent.stdout.readline().rstrip("\n").split(maxsplit=1)
        with Scratch() as other:
            assert Path(left).exists(), "its parent lives"
            assert other.folder is not None
            parent.kill()
            parent.wait()
            assert soon(lambda: not alive(int(pid)))
            temporary_folders._cleared.clear()
            Scratch().close()
            assert list(temporary.iterdir()) == [other.folder]
    assert list(temporary.iterdir()) == []


def test_a_system_that_gives_no_folder_gives_a_child_all_the_same(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with Child("acts:Home", {}) as child:
        found = child.call("variable", {"name": "TMPDIR"}, timeout_s=PATIENCE_S)
    assert found == os.environ.get("TMPDIR")
    assert list(temporary.iterdir()) == []


def test_folders_without_locks_are_never_taken_for_left_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary_folders, "_locked", lambda folder: None)
    with Scratch() as first:
        temporary_folders._cleared.clear()
        with Scratch() as second:
            assert {first.folder, second.folder} == set(temporary.iterdir())
    assert list(temporary.iterdir()) == []


def test_what_the_compiler_keeps_stays_in_the_usual_place(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "TORCHINDUCTOR_CACHE_DIR"
    monkeypatch.delenv(name, raising=False)
    with Scratch() as one:
        assert Path(one.variables[name]).parent == temporary
    monkeypatch.setenv(name, "/of/the/user")
    with Scratch() as one:
        assert one.variables[name] == "/of/the/user"
