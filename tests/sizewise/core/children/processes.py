"""Processes as the tests of children see them, and what those children do."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

PATIENCE_S = 60.0
"""For what takes a moment; a machine may be very slow."""


def alive(pid: int) -> bool:
    return status(pid) not in ("", psutil.STATUS_ZOMBIE)


def status(pid: int) -> str:
    try:
        return str(psutil.Process(pid).status())
    except psutil.NoSuchProcess:
        return ""


def soon(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true while one may wait for it."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


ACTS = '''
import fcntl, os, signal, stat, subprocess, sys, tempfile, time
from pathlib import Path
from sizewise.core.progress import report

def channel():
    """The pipe of the answers: the one beside 1 and 2 that is written to."""
    for number in map(int, os.listdir("/dev/fd")):
        try:
            pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
            written = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        except OSError:
            continue
        if number > 2 and pipe and written:
            return number

def die_in_mid_answer():
    os.write(channel(), b'{"result": [1, 2')
    os.kill(os.getpid(), signal.SIGKILL)

def say(text):
    os.write(channel(), text.encode("latin-1"))
    time.sleep(1000)

def say_without_end():
    while True:
        os.write(channel(), b"0" * 65536)

def hang_up():
    os.close(channel())
    time.sleep(1000)

def leave_a_copy():
    pid = os.fork()
    if pid:
        report(0.0, str(pid))
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(1000)

def print_and_leave(mebibytes):
    for _ in range(mebibytes):
        os.write(2, b"x" * 2**20)
    os.write(2, b" last words")
    os._exit(7)

def print_and_hang():
    os.write(2, b"last words")
    report(0.0, "printed")
    time.sleep(1000)

def read(path):
    return Path(path).read_text()

def hold(size):
    block = bytearray(size)
    block[::4096] = b"1" * len(block[::4096])

def hold_and_fail(size):
    hold(size)
    raise KeyError("gone")

def make_files(folder):
    with tempfile.TemporaryDirectory(dir=folder):
        report(0.0, "made")
        time.sleep(1000)

def wait_for(path):
    report(0.0, "waiting")
    while not Path(path).exists():
        time.sleep(0.01)
    return "seen"

class Home:
    def start(self, script):
        """The number of a process that prints a line when it is ready."""
        process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
        process.stdout.readline()
        return process.pid
    def leave_a_file(self):
        with tempfile.NamedTemporaryFile(delete=False) as left:
            return left.name
    def variable(self, name):
        return os.environ.get(name)
    def session(self):
        return os.getsid(0)
    def hang(self):
        time.sleep(1000)
    def abort(self):
        os.abort()
    def wait_for(self, path):
        return wait_for(path)
'''
"""A module that children import, as ``acts``."""
