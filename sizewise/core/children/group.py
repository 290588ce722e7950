"""A child process and all that it starts: one session, which ends as one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, cast

import psutil

from sizewise.core.children import guarding

_GRACE_S = 2.0
_REAP_S = 10.0
_FIRST_STEP_S, _LONGEST_STEP_S = 0.001, 0.05


class Group:
    """A process in a session of its own, whose number is that of its group.

    The terminal's Ctrl-C and Ctrl-Z do not reach it. What it starts is of its session, in whatever
    group, but for what makes a session of its own.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Raises OSError."""
        self._leader = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self.calls, self.answers, self.prints = (
            cast(IO[bytes], pipe)
            for pipe in (self._leader.stdin, self._leader.stdout, self._leader.stderr)
        )
        self._process = psutil.Process(self.pid)
        self._code: int | None = None
        try:
            guarding.watch(self.pid)
        except BaseException:
            self.end()
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._leader.pid

    def has_ended(self) -> bool:
        """Whether the leader is no more. It is not reaped, which would free the group's number."""
        if self._code is not None:
            return True
        try:
            return self._process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def wait(self, wait_s: float) -> bool:
        """Whether the leader has ended within ``wait_s``."""
        return _within(wait_s, self.has_ended)

    def resident_bytes(self) -> int:
        """Resident memory of the leader now; 0 where it has ended."""
        try:
            return int(self._process.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def end(self, *, at_once: bool = False) -> int:
        """End whoever is left, by SIGTERM and 2 s later by SIGKILL, or ``at_once`` by both, and
        return the leader's exit code (negative: a signal)."""
        if self._code is None:
            try:
                if self._anybody_left():
                    self._send(signal.SIGTERM)
                    self._send(signal.SIGCONT)  # what is stopped hears nothing else
                    _within(0 if at_once else _GRACE_S, lambda: not self._anybody_left())
            finally:  # also where Ctrl-C ends the wait
                self._send(signal.SIGKILL)
            _within(_REAP_S, lambda: not self._anybody_left())
            self._code = self._reap()
        return self._code

    def close(self) -> None:
        """Close the pipes that nobody reads or writes any more."""
        for pipe in (self.calls, self.answers, self.prints):
            with contextlib.suppress(OSError):
                pipe.close()

    def _reap(self) -> int:
        if not self.has_ended():  # a driver holds it in the kernel, where no signal ends it
            return -signal.SIGKILL
        guarding.forget(self.pid)
        return self._leader.wait()

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all are gone
            os.killpg(self.pid, number)
        for pid in filter(self._is_left, psutil.pids()):  # those in groups of their own
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self.pid:
                    os.kill(pid, number)

    def _anybody_left(self) -> bool:
        return any(map(self._is_left, psutil.pids()))

    def _is_left(self, pid: int) -> bool:
        try:
            if os.getsid(pid) != self.pid:
                return False
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except (OSError, psutil.Error):
            return False


def _within(wait_s: float, condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true within ``wait_s``; looked at in steps that grow."""
    deadline_s, step_s = time.monotonic() + wait_s, _FIRST_STEP_S
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(step_s)
        step_s = min(2 * step_s, _LONGEST_STEP_S)
    return True
