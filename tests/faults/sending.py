"""Signals that are sent to a command at a moment of its life, and what it does then."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.disturbing import TIMEOUT_S, Command, Place, ended_within
from tests.faults.lives import Life

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
KINDS = (*ENDING, signal.SIGSTOP)
END_S, STOP_S = 20.0, 2.0
"""In which a command ends, and its children stop, where nothing else is at work."""
_BUSY = 3
"""Times as long, on a busy machine."""
_YOUNG_S = 1.0
"""A child of less may not have been told of to the guard, and has not been told to work."""
_RESUMES = "the same command resumes"
_NEXT = "Next:"
"""What a command says last, when its work is done."""


@dataclass
class Case:
    """A signal and its moment, as a share of an undisturbed life. ``heeded``: whether the command
    had said by then what it does about the signal."""

    number: int
    kind: signal.Signals
    to_group: bool
    moment: float
    chance: random.Random
    sent: bool = field(default=False, init=False)
    heeded: bool = field(default=False, init=False)
    late: str = field(default="", init=False)
    """What took too long."""

    def what(self, command: Command) -> str:
        whom = "whole group" if self.to_group else "process alone"
        return f"{self.kind.name} to the {whom} of a {command.name}"

    def disturb(self, process: subprocess.Popen[str], life_s: float) -> None:
        """Wait, and send."""
        if ended_within(process, self.moment * life_s):
            return
        if self.kind == signal.SIGINT:  # before, it is Python itself that starts
            while not heeds(process.pid, signal.SIGTERM) and process.poll() is None:
                time.sleep(0.01)
        self.heeded = heeds(process.pid, self.kind)
        if process.poll() is None:
            self._send(process, self.kind)
            self.sent = True
            self._go_on(process)

    def _go_on(self, process: subprocess.Popen[str]) -> None:
        if self.kind == signal.SIGSTOP:
            started_s = time.time()
            if working := _not_stopped(process.pid, started_s):
                self.late = f"these were not stopped: {working}"
            # A third for longer than a call may take.
            stop_s = TIMEOUT_S + 1 if self.chance.random() < 1 / 3 else self.chance.uniform(2, 4)
            time.sleep(max(0.0, started_s + stop_s - time.time()))
            self._send(process, signal.SIGCONT)
            return
        if self.chance.random() < 1 / 3:
            time.sleep(self.chance.uniform(0, 0.5))
            if process.poll() is None:
                self._send(process, self.kind)
        if not ended_within(process, _BUSY * END_S):
            self.late = f"it had not ended after {_BUSY * END_S:.0f} s"
            process.send_signal(signal.SIGABRT)  # so that Python says where it was

    def _send(self, process: subprocess.Popen[str], kind: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.to_group:
                os.killpg(process.pid, kind)  # nobody reaps it meanwhile
            else:
                os.kill(process.pid, kind)

    def expect_end(self, life: Life, place: Place) -> None:
        """It ended as the page on exit codes says, and left nothing."""
        is_done = _NEXT in life.said
        as_said = {128 + self.kind} | ({0} if is_done else set())
        system = set() if self.heeded or life.operations else {-self.kind}
        assert life.status in as_said | system, (life.status, life.said[-2000:])
        if life.status == 128 + self.kind and not is_done:
            assert life.said.count(_RESUMES) == 1, life.said[-2000:]
        assert not place.left(), place.left()


def heeds(pid: int, kind: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (kind - 1) & 1)
    return False


def _not_stopped(pid: int, since_s: float) -> list[str]:
    """The children that go on some seconds after their parent was stopped."""
    end_s = time.monotonic() + _BUSY * STOP_S
    while (found := list(_working(pid, since_s))) and time.monotonic() < end_s:
        time.sleep(0.05)
    return found


def _working(pid: int, since_s: float) -> Iterator[str]:
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            is_guard = any(word.endswith("guard.py") for word in child.cmdline())
            is_old = child.create_time() < since_s - _YOUNG_S
            quiet = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
            if is_old and not is_guard and child.status() not in quiet:
                yield " ".join(child.cmdline())


@contextlib.contextmanager
def heeding() -> Iterator[None]:
    """What is started within hears all signals; a shell lets what it starts in the background
    ignore some."""
    ignored = [kind for kind in ENDING if signal.getsignal(kind) == signal.SIG_IGN]
    for kind in ignored:
        signal.signal(kind, signal.SIG_DFL)
    try:
        yield
    finally:
        for kind in ignored:
            signal.signal(kind, signal.SIG_IGN)
