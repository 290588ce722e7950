"""Children: what they return, how they fail, and that none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sizewise.core.children.child import Child, ChildError, run_in_child
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelling
from sizewise.core.progress import cancelled, report
from tests.bench.elsewhere import environment

MODULE = """
import atexit, ctypes, os, sys, time
from pathlib import Path
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import cancelled, report

def double(value):
    print("noise on stdout")
    return {"doubled": value * 2}

def register(path):
    atexit.register(lambda: Path(path).write_text("done"))

def refuse():
    raise InputError("No", "because", "Do this.", reason_code="unsupported_size")

def refuse_option():
    raise InputError("No", "because", f"Leave {spelled('max_loss_points')} out.")

def fail():
    raise KeyError("gone")

def fail_at_length():
    raise ValueError("x" * 10**6)

def abort():
    os.abort()

def leave():
    print("last words", file=sys.stderr)
    os._exit(7)

def hang():
    time.sleep(1000)

def eat():
    block = bytearray(800 * 2**20)
    for page in range(0, len(block), 4096):
        block[page] = 1
    time.sleep(1000)

def work(parts, note):
    for part in range(parts):
        report(part / parts, note)
        time.sleep(0.01)
    return parts

def flood(seconds):
    ends, calls = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        report(0.5, "flood")
        calls += 1
    return calls

def end_in_order(mark):
    while not cancelled():
        report(0.0, "going on")
        time.sleep(0.01)
    Path(mark).write_text("ended in order")

def ask_and_go_on():
    cancelled()
    while True:
        report(0.0, "going on")
        time.sleep(0.01)

def never_ask():
    report(0.0, "going on")
    time.sleep(1000)

class Counter:
    def __init__(self, start):
        self.value = start
    def add(self, step):
        self.value += step
        return self.value
"""


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "childwork.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_result_comes_back_and_prints_do_not_disturb_it() -> None:
    assert run_in_child("childwork:double", {"value": 21}, timeout_s=30) == {"doubled": 42}


def test_what_is_registered_for_the_end_is_done(tmp_path: Path) -> None:
    run_in_child("childwork:register", {"path": str(tmp_path / "end")}, timeout_s=30)
    assert (tmp_path / "end").read_text() == "done"


def test_another_interpreter_imports_what_it_has(tmp_path: Path) -> None:
    there = environment(tmp_path / "there")
    site = run_in_child("sysconfig:get_path", {"name": "purelib"}, timeout_s=30, python=str(there))
    assert Path(site).is_relative_to(tmp_path / "there")
    asked = {"key": "PYTHONPATH", "default": ""}
    ours, theirs = (
        run_in_child("os:getenv", asked, timeout_s=30, python=python) for python in ("", str(there))
    )
    assert ours
    assert theirs == os.environ.get("PYTHONPATH", "")


def test_an_error_of_ours_keeps_its_type_and_its_parts() -> None:
    with pytest.raises(InputError) as caught:
        run_in_child("childwork:refuse", {}, timeout_s=30)
    assert str(caught.value) == "No: because. Do this."
    assert caught.value.reason_code == "unsupported_size"


def test_an_error_of_a_child_names_options_as_its_parent_does() -> None:
    with pytest.raises(InputError, match="Leave max_loss_points out"):
        run_in_child("childwork:refuse_option", {}, timeout_s=30)
    with (
        spelling(lambda name: f"--{name.replace('_', '-')}"),
        pytest.raises(InputError, match="Leave --max-loss-points out"),
    ):
        run_in_child("childwork:refuse_option", {}, timeout_s=30)


def test_any_other_exception_is_a_child_error_with_its_traceback_kept() -> None:
    with pytest.raises(ChildError, match="KeyError: 'gone'") as caught:
        run_in_child("childwork:fail", {}, timeout_s=30)
    assert caught.value.reason_code == "crash_exception"
    assert "in fail" in caught.value.trace
    assert caught.value.lives


def test_a_foreign_error_is_cut() -> None:
    with pytest.raises(ChildError) as caught:
        run_in_child("childwork:fail_at_length", {}, timeout_s=30)
    assert 500 < len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("function", "timeout_s", "code"),
    [("abort", 60, "crash_SIGABRT"), ("leave", 60, "crash_exit_7"), ("hang", 1, "timeout")],
)
def test_a_crash_or_a_hang_has_its_reason_code(function: str, timeout_s: float, code: str) -> None:
    with pytest.raises(ChildError) as caught:
        run_in_child(f"childwork:{function}", {}, timeout_s=timeout_s)
    assert (caught.value.reason_code, caught.value.lives) == (code, False)


def test_last_words_are_in_the_sentence() -> None:
    with pytest.raises(ChildError, match="last words"):
        run_in_child("childwork:leave", {}, timeout_s=30)


def test_too_much_memory_ends_the_child() -> None:
    with pytest.raises(ChildError) as caught:
        run_in_child("childwork:eat", {}, timeout_s=60, memory_limit_bytes=300 * 2**20)
    assert caught.value.reason_code == "oom_host"


def test_an_object_stays_alive_between_calls() -> None:
    with Child("childwork:Counter", {"start": 1}) as child:
        assert child.call("add", {"step": 2}, timeout_s=30) == 3
        assert child.call("add", {"step": 3}, timeout_s=30) == 6
        pid = child.pid
    assert not psutil.pid_exists(pid)


def test_calls_that_wait_are_answered_in_their_order() -> None:
    with Child("childwork:Counter", {"start": 1}) as child:
        for step in (1, 10, 100):
            child.ask("add", {"step": step})
        assert [child.answer(timeout_s=30) for _ in range(3)] == [2, 12, 112]
        child.ask("add", {"step": "no number"})
        child.ask("add", {"step": 1})
        with pytest.raises(ChildError, match="TypeError"):
            child.answer(timeout_s=30)
        assert child.answer(timeout_s=30) == 113
        child.ask("add", {"step": 1})  # nobody waits for it


def test_a_call_to_a_dead_child_says_so() -> None:
    with Child("childwork:Counter", {"start": 1}) as child:
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(ChildError, match="memory runs out"):
            child.call("add", {"step": 1}, timeout_s=30)


def test_the_parent_hears_how_far_a_child_is() -> None:
    heard: list[tuple[float, str]] = []
    arguments = {"parts": 60, "note": "timing"}
    done = run_in_child(
        "childwork:work", arguments, timeout_s=30, on_progress=lambda *said: heard.append(said)
    )
    assert done == 60
    assert heard[0] == (0.0, "timing")
    assert len(heard) > 1
    assert sorted(heard) == heard
    assert all(0 <= share < 1 for share, _ in heard)


def test_what_a_child_says_too_often_is_left_out() -> None:
    heard: list[float] = []
    calls = run_in_child(
        "childwork:flood", {"seconds": 1}, timeout_s=30, on_progress=lambda *s: heard.append(s[0])
    )
    assert 1 <= len(heard) <= 6 < calls


def test_outside_a_child_nobody_hears_and_nothing_is_cancelled() -> None:
    report(0.5, "noise")
    assert not cancelled()


def interrupt(done: float, note: str) -> None:
    """As Ctrl-C does while the parent waits."""
    raise KeyboardInterrupt


def cancelled_call(child: Child, **arguments: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        child.call("", arguments, timeout_s=60, on_progress=interrupt)


def test_a_cancelled_child_that_asks_ends_in_order(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with Child("childwork:end_in_order") as child:
        cancelled_call(child, mark=str(mark))
        assert mark.read_text() == "ended in order"
        assert _alive(child.pid)
    assert not _alive(child.pid)


def test_a_cancelled_child_that_never_asks_is_ended_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So long that only the child's own end can end the wait.
    monkeypatch.setattr("sizewise.core.children.child._CANCEL_S", 10_000)
    with Child("childwork:never_ask") as child:
        cancelled_call(child)
        assert not _alive(child.pid)


def test_a_cancelled_child_that_does_not_go_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.children.child._CANCEL_S", 0.3)
    with Child("childwork:ask_and_go_on") as child:
        cancelled_call(child)
        assert not _alive(child.pid)


PARENT = """
import sys, time
from sizewise.core.children.child import Child
child = Child("childwork:{target}", {arguments})
print(child.pid, flush=True)
{then}
"""


@pytest.mark.parametrize(
    ("target", "arguments", "then"),
    [
        ("Counter", {"start": 1}, "time.sleep(1000)"),
        ("hang", None, "child.call('', {}, timeout_s=1000)"),
    ],
)
def test_a_child_dies_with_its_parent(
    target: str, arguments: dict[str, int] | None, then: str, tmp_path: Path
) -> None:
    script = PARENT.format(target=target, arguments=arguments, then=then)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert _within(60, lambda: not _alive(child))


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
