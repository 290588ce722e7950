"""Work in a process of its own: a crash, a hang or too much memory costs that work alone.

A child is a fresh Python process that calls a dotted function (``package.module:function``), or
keeps one object alive (``package.module:Class``) and calls its methods. Arguments and results are
JSON. The child dies with its parent, however the parent dies; so start it from a thread that lives
as long (Linux ties the two by thread).
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, cast

import psutil

from sizewise.core.closing import Closing
from sizewise.core.errors import EngineError, error_from_json
from sizewise.core.options import with_names_spelled
from sizewise.core.progress import OnProgress, unheard

_POLL_S = 0.1
_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""OpenMP's idle threads (torch has them) sleep: spinning, they take the core from others."""
_CLOSE_S = 5.0
_CANCEL_S = 5.0
_STDERR_TAIL = 600


class ChildError(EngineError):
    """A child crashed, hung or outgrew its memory. ``trace`` is its traceback, if it had one."""

    trace = ""


class Child(Closing):
    """One child process. ``target`` is a function (called by :meth:`call` with no method) or a
    class (made once, with ``arguments``; its methods are then called by name).

    ``memory_limit_bytes`` bounds resident memory: the parent watches it, because an address-space
    limit would break CUDA.
    """

    def __init__(
        self,
        target: str,
        arguments: dict[str, Any] | None = None,
        *,
        memory_limit_bytes: int | None = None,
        start_timeout_s: float = 600.0,
    ) -> None:
        self._target = target
        self._memory_limit_bytes = memory_limit_bytes
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sizewise.core.child_main", str(os.getpid()), target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=os.environ | _WAITING | {"PYTHONPATH": _our_path()},
            text=True,
        )
        self._calls = cast(IO[str], self._process.stdin)
        self._answers = cast(IO[str], self._process.stdout)
        self._busy = False
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._last_beat_s = time.monotonic()
        # The thread spells options as this one does.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._read,), daemon=True).start()
        if arguments is not None:
            try:
                self.call("__init__", arguments, timeout_s=start_timeout_s)
            except BaseException:
                self.close()
                raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(
        self,
        method: str,
        arguments: dict[str, Any],
        *,
        timeout_s: float,
        on_progress: OnProgress = unheard,
    ) -> Any:
        """The method's result. Raises what it raised if that is a SizewiseError, else ChildError
        (reason codes ``timeout``, ``oom_host``, ``crash_<signal>``, ``crash_exception``).

        ``on_progress`` is called with what the child reports by ``sizewise.core.progress.report``.
        Interrupted by Ctrl-C, this asks the child to end, and kills it where it does not within
        5 s.
        """
        self._send({"method": method, "arguments": arguments})
        self._busy = True
        try:
            message = self._await_answer(timeout_s, on_progress)
        except KeyboardInterrupt:
            self._cancel()
            raise
        self._busy = False
        if "error" in message:
            raise self._error(message)
        return message["result"]

    def _cancel(self) -> None:
        """Wait for an answer, whatever it is, or for the child's end."""
        with contextlib.suppress(ChildError):
            self._send({"cancel": True})
            self._await_answer(_CANCEL_S, unheard)
            self._busy = False

    def _await_answer(self, timeout_s: float, on_progress: OnProgress) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while True:
            self._watch(deadline, timeout_s)
            try:
                message = self._messages.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if message is None:
                raise self._crash()
            self._last_beat_s = time.monotonic()
            if "progress" in message:
                on_progress(*message["progress"])
            elif "beat" not in message:
                return message

    def close(self) -> None:
        """End the child: politely where it is idle, by force where it is busy or does not go."""
        if self._busy:
            self._kill()
        with contextlib.suppress(BrokenPipeError):  # gone already: nothing is left to say
            self._calls.close()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._kill()
        self._stderr.close()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._calls.write(json.dumps(message) + "\n")
            self._calls.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._crash() from error

    def _read(self) -> None:
        with self._answers:
            for line in self._answers:
                self._messages.put(json.loads(with_names_spelled(line)))
        self._messages.put(None)

    def _watch(self, deadline: float, timeout_s: float) -> None:
        if time.monotonic() > deadline:
            silent_s = time.monotonic() - self._last_beat_s
            self._kill()
            raise ChildError(
                f"{self._target} did not end within {timeout_s:g} s",
                f"it was stopped; it last reported {silent_s:.0f} s before",
                "Give it more time, or find out what hangs.",
                reason_code="timeout",
            )
        limit = self._memory_limit_bytes
        if limit is not None and self._resident_bytes() > limit:
            self._kill()
            raise ChildError(
                f"{self._target} took more memory than its limit",
                f"it was stopped at {limit / 2**20:.0f} MiB",
                "Raise the limit, or choose a smaller size or batch.",
                reason_code="oom_host",
            )

    def _resident_bytes(self) -> int:
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _crash(self) -> ChildError:
        code = self._process.wait()
        name = signal.Signals(-code).name if code < 0 else f"exit_{code}"
        why = f"the process ended with {name}"
        if name == "SIGKILL":
            why += " (the system kills the largest process when memory runs out)"
        tail = self._stderr_tail()
        return ChildError(
            f"{self._target} crashed",
            f"{why}; it last printed: {tail}" if tail else why,
            "Try another back end, version or size, and report it with this message.",
            reason_code=f"crash_{name}",
        )

    def _stderr_tail(self) -> str:
        self._stderr.seek(0)
        text = self._stderr.read().decode(errors="replace").strip()
        return " ".join(text[-_STDERR_TAIL:].split())

    @staticmethod
    def _error(message: dict[str, Any]) -> Exception:
        error = error_from_json(message["error"])
        if isinstance(error, ChildError):
            error.trace = message.get("trace", "")
        return error


def _our_path() -> str:
    """Everything that this process can import, for the child; an empty entry means the current
    folder."""
    return os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)


def run_in_child(
    target: str,
    arguments: dict[str, Any],
    *,
    timeout_s: float,
    memory_limit_bytes: int | None = None,
    on_progress: OnProgress = unheard,
) -> Any:
    """Call a dotted function once in a child and give its result; raises as ``Child.call``."""
    with Child(target, memory_limit_bytes=memory_limit_bytes) as child:
        return child.call("", arguments, timeout_s=timeout_s, on_progress=on_progress)
