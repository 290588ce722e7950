"""A child and all that it started end together."""

from __future__ import annotations

import errno
import os
import resource
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from sizewise.core.children import guarding
from sizewise.core.children.child import Child, ChildError
from tests.sizewise.core.children.processes import PATIENCE_S, alive, soon, status

SLEEP = "echo ready; exec sleep 1000"
DEAF = "trap '' TERM; echo ready; sleep 1000"
"""Ignores SIGTERM, and so does what it starts."""
APART = (
    f"exec {shlex.quote(sys.executable)} -c "
    "'import os, time; os.setpgid(0, 0); print(1, flush=True); time.sleep(1000)'"
)
"""Makes a group of its own, in the session of the child."""


def start(child: Child, script: str = SLEEP) -> int:
    return int(child.call("start", {"script": script}, timeout_s=PATIENCE_S))


@pytest.mark.parametrize("script", [SLEEP, APART])
def test_what_a_child_started_ends_when_it_is_closed(script: str) -> None:
    with Child("acts:Home", {}) as child:
        compiler = start(child, script)
        assert alive(compiler)
    assert not alive(compiler)


@pytest.mark.parametrize(
    ("method", "timeout_s", "code"),
    [("abort", PATIENCE_S, "crash_SIGABRT"), ("hang", 0, "timeout")],
)
def test_what_a_child_started_ends_with_its_failure(
    method: str, timeout_s: float, code: str
) -> None:
    with Child("acts:Home", {}) as child:
        compiler = start(child)
        with pytest.raises(ChildError) as caught:
            child.call(method, {}, timeout_s=timeout_s)
        assert caught.value.reason_code == code
        assert not alive(child.pid)
        assert not alive(compiler)


def test_what_does_not_hear_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.children.group._GRACE_S", 0.1)
    with Child("acts:Home", {}) as child:
        compiler = start(child, DEAF)
    assert not alive(compiler)


def test_what_is_stopped_is_ended_too() -> None:
    with Child("acts:Home", {}) as child:
        os.kill(start(child), signal.SIGSTOP)
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(ChildError):
            child.call("hang", {}, timeout_s=0)
        assert not alive(child.pid)


def test_a_child_that_is_ended_removes_its_temporary_files(tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def hear(done: float, note: str) -> None:
        assert len(list(folder.iterdir())) == 1
        raise EnoughError

    folder = tmp_path / "temporary"
    folder.mkdir()
    with pytest.raises(EnoughError), Child("acts:make_files") as child:
        child.call("", {"folder": str(folder)}, timeout_s=PATIENCE_S, on_progress=hear)
    assert list(folder.iterdir()) == []


PARENT = """
import sys
from sizewise.core.children.child import Child
with Child("acts:Home", {}) as child:
    compiler = child.call("start", {"script": sys.argv[1]}, timeout_s=60)
    print(child.pid, compiler, flush=True)
    print(child.call("wait_for", {"path": sys.argv[2]}, timeout_s=60), flush=True)
"""


def parent(acts: Path, script: str, mark: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, script, str(mark)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(acts), *sys.path])},
    )


@pytest.mark.parametrize("script", [SLEEP, APART])
def test_all_end_with_the_parent(acts: Path, tmp_path: Path, script: str) -> None:
    with parent(acts, script, tmp_path / "never") as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert all(map(alive, pids))
        process.kill()
    assert len(pids) == 2
    assert soon(lambda: not any(map(alive, pids)))


def test_a_child_is_stopped_with_its_parent_and_goes_on_with_it(acts: Path, tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("the system does not say who is stopped")
    mark = tmp_path / "mark"
    with parent(acts, SLEEP, mark) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        process.send_signal(signal.SIGSTOP)
        assert soon(lambda: all(status(pid) == psutil.STATUS_STOPPED for pid in pids))
        mark.touch()
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "seen\n"
    assert process.returncode == 0
    assert not any(map(alive, pids))


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_another_guard_takes_the_place_of_one_that_was_killed() -> None:
    with Child("acts:Home", {}):
        guard = guarding._guarded._guard
        assert guard is not None
        guard.kill()
        guard.wait()
        with Child("acts:Home", {}):
            other = guarding._guarded._guard
            assert other is not None
            assert alive(other.pid)


def test_a_system_that_gives_no_process_costs_one_call() -> None:
    with Child("acts:wait_for") as child:  # so that nothing else needs files
        child.call("", {"path": "/"}, timeout_s=PATIENCE_S)
    before, limits = children(), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with pytest.raises(ChildError, match="too many open files") as caught:
            Child("acts:wait_for")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert caught.value.reason_code == "start"
    assert children() == before


def no_more(*given: object) -> Any:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def no_thread(*given: object) -> Any:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("sizewise.core.children.guarding._start_guard", no_more),
        ("sizewise.core.children.process.Tail", no_thread),
    ],
)
def test_no_child_stays_where_its_guard_or_its_readers_are_refused(
    name: str, refusal: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarding._guarded.end()
    before = children()
    monkeypatch.setattr(name, refusal)
    with pytest.raises(ChildError, match="can't be started") as caught:
        Child("acts:wait_for")
    assert caught.value.reason_code == "start"
    guarding._guarded.end()
    assert children() == before
