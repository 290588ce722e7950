"""A child process with its pipes: started, spoken to, listened to, ended. Every failure has its
sentence."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sizewise.core.children import failures
from sizewise.core.children.failures import ChildError
from sizewise.core.children.group import Group
from sizewise.core.children.pipes import Answers, Tail, WrongAnswerError
from sizewise.core.children.scratch import Scratch
from sizewise.core.machine.memory import oom_kills

_CLOSE_S = 5.0
_GONE_S = 10.0
"""How long a crash may take from the end of the pipe to that of the process: drivers give back what
it held."""
_STDERR_TAIL = 600


class ChildProcess:
    """A Python process that serves ``target`` (``sizewise.core.children.main``).

    Errors call it by that, or as it is ``called``. ``python`` is its interpreter, whose own
    packages it imports; where that is empty, it is this one, and imports what this process can.
    Methods raise ChildError.
    """

    def __init__(
        self, target: str, variables: Mapping[str, str], *, called: str = "", python: str = ""
    ) -> None:
        self._target = called or target
        self._oom_kills = oom_kills()
        main = ["-P", "-m", "sizewise.core.children.main", str(os.getpid()), target]
        self._scratch = Scratch()
        added = {**self._scratch.variables, **variables}
        if not python:
            added["PYTHONPATH"] = _our_path()
        try:
            self._start([python or sys.executable, *main], os.environ | added)
        except BaseException:
            self._scratch.close()
            raise

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        try:
            self._group = Group(command, environment)
        except OSError as error:
            raise failures.not_started(self._target, error) from error
        try:
            self._answers = Answers(self._group.answers)
            self._tail = Tail(self._group.prints)
        except RuntimeError as error:  # no more threads
            self._group.end()
            self._group.close()
            raise failures.not_started(self._target, error) from error

    @property
    def pid(self) -> int:
        return self._group.pid

    @property
    def folder(self) -> Path:
        """Its temporary folder. Raises OutputError where the system gave none."""
        return self._scratch.demand_folder()

    def has_ended(self) -> bool:
        return self._group.has_ended()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        try:
            self._group.calls.write(json.dumps(message).encode() + b"\n")
            self._group.calls.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self.crash() from error

    def take(self, wait_s: float) -> dict[str, Any] | None:
        """The next message; None where there is none within ``wait_s``."""
        try:
            return self._answers.take(wait_s)
        except EOFError:
            raise self.crash() from None
        except WrongAnswerError as error:
            raise self._wrong(str(error), error.reason_code) from error

    def crash(self) -> ChildError:
        """End what is left, and say how the process ended."""
        if not self._group.wait(_GONE_S):
            return self._wrong("it closed the pipe of its answers", "crash_protocol")
        code, tail = self._group.end(), self._tail.text(_STDERR_TAIL)
        if code == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return failures.out_of_memory(self._target, tail)
        return failures.crashed(self._target, code, tail)

    def late(self, timeout_s: float) -> ChildError:
        """End all of it, and say that it took too long."""
        silent_s = time.monotonic() - self._answers.last_beat_s
        self._group.end()
        tail = self._tail.text(_STDERR_TAIL)
        return failures.too_late(self._target, timeout_s, silent_s, tail)

    def keep_below(self, limit_bytes: int) -> None:
        """End all of it where the process holds more memory."""
        if self._group.resident_bytes() > limit_bytes:
            self._group.end(at_once=True)  # it may grow by gigabytes a second
            tail = self._tail.text(_STDERR_TAIL)
            raise failures.too_large(self._target, limit_bytes, tail)

    def close(self, *, busy: bool) -> None:
        """End it: politely where it is idle, by force where it is ``busy`` or does not go. Its
        temporary files go with it."""
        try:
            if busy:
                self._group.end()
            with contextlib.suppress(OSError):  # gone already: nothing is left to say
                self._group.calls.close()
            self._group.wait(_CLOSE_S)
            self._group.end()
            self._answers.close()
            self._tail.close()
        finally:
            self._scratch.close()

    def _wrong(self, why: str, reason_code: str) -> ChildError:
        self._group.end()
        tail = self._tail.text(_STDERR_TAIL)
        return failures.wrong_answer(self._target, why, tail, reason_code)


def _our_path() -> str:
    """Everything that this process can import, for the child; an empty entry means the current
    folder."""
    return os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
