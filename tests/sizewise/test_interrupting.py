"""Signals that interrupt a command: when they are heard, and what becomes of the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has other signals")

WHILE_IMPORTING = """
import signal, sys
module, number = sys.argv.pop(1), int(sys.argv.pop(1))
signal.signal(number, signal.SIG_DFL)  # a shell may have it ignored

class Sending:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            signal.raise_signal(number)
            signal.raise_signal(number)

sys.meta_path.insert(0, Sending())
from sizewise.cli import main
main()
"""
LISTENING = """
import signal, time
from sizewise.interrupting import Interruptions
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
interruptions = Interruptions()
interruptions.listen()

class Dying:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

"""


def ran(program: str, arguments: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("sizewise.cli.app", signal.SIGINT),  # before the command begins
        ("sizewise.cli.cache", signal.SIGINT),
        ("sizewise.pipeline.cache", signal.SIGTERM),
    ],
)
def test_an_import_that_is_interrupted_shows_a_sentence(
    module: str, number: signal.Signals
) -> None:
    ended = ran(WHILE_IMPORTING, (module, str(int(number)), "cache", "path"))
    assert ended.returncode == 128 + number
    by = "" if number == signal.SIGINT else f" by {number.name}"
    said = f"sizewise: Interrupted{by}. Finished work is kept; the same command resumes.\n"
    assert ended.stderr.endswith(said)
    assert ended.stderr.count("Interrupted") == 1
    assert "Traceback" not in ended.stderr


def test_a_library_that_never_gives_control_back_is_left() -> None:
    """As with a loop without end in a model: Python's own handlers never run."""
    body = """
import ctypes, os, threading
import sizewise.interrupting
sizewise.interrupting._DEAF_S = 0.5
library, lock = ctypes.CDLL(None), ctypes.create_string_buffer(256)
library.pthread_mutex_init(lock, None)
library.pthread_mutex_lock(lock)
with interruptions.at_work():
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    library.pthread_mutex_lock(lock)
"""
    ended = ran(LISTENING + body)
    assert ended.returncode == 128 + signal.SIGTERM
    assert ended.stderr.startswith("sizewise: Interrupted by SIGTERM. ")


def test_an_interruption_that_python_passes_on_to_nobody_comes_again() -> None:
    body = """
try:
    with interruptions.at_work():
        Dying()
        time.sleep(200)
except KeyboardInterrupt:
    print(interruptions.code)
"""
    ended = ran(LISTENING + body)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("143\n", "", 0)


def test_an_interruption_leaves_no_lock_taken() -> None:
    body = """
import threading

class Lock:
    def __init__(self):
        self.lock = threading.Lock()
        self.acquire, self.release = self.lock.acquire, self.lock.release
    def __enter__(self):
        self.lock.acquire()
        signal.raise_signal(signal.SIGTERM)
    def __exit__(self, *_):
        self.lock.release()

lock = Lock()
try:
    with interruptions.at_work():
        with threading.Condition(lock):
            pass
        time.sleep(200)
except KeyboardInterrupt:
    print(lock.lock.locked())
"""
    ended = ran(LISTENING + body)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("False\n", "", 0)


def test_a_second_signal_does_not_end_the_clearing_up() -> None:
    body = """
with interruptions.at_work():
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        signal.raise_signal(signal.SIGTERM)
        print("removed", flush=True)
signal.raise_signal(signal.SIGTERM)  # nothing is at work any more
"""
    ended = ran(LISTENING + body)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("removed\n", "", 143)


def test_a_signal_while_python_ends_changes_nothing() -> None:
    body = "import builtins; builtins.dying = Dying()"  # dies when modules are torn down
    ended = ran(LISTENING + body)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)


def test_what_was_ignored_before_stays_ignored() -> None:
    body = "print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    assert ran(LISTENING + body).stdout == "True\n"
