"""Work in a process of its own: a crash, a hang or too much memory costs that work alone.

A child is a fresh Python process that calls a dotted function (``package.module:function``), or
keeps one object alive (``package.module:Class``) and calls its methods. Arguments and results are
JSON. The child and all that it starts die with its parent, however the parent dies; so start it
from a thread that lives as long (Linux ties the two by thread). While the parent is stopped
(Ctrl-Z), the child is stopped too. Its temporary folder is its own, and goes with it.

Not ended: what the child starts in a session of its own, and what it starts where both its parent
and the parent's guard (``sizewise.core.children.guard``) are killed by SIGKILL. Without ``/proc``
a child runs on while its parent is stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sizewise.core.children.clock import RunningTime
from sizewise.core.children.failures import ChildError
from sizewise.core.children.process import ChildProcess
from sizewise.core.errors import error_from_json
from sizewise.core.holding.closing import Closing
from sizewise.core.machine.memory import default_limit_bytes
from sizewise.core.progress import OnProgress, unheard

__all__ = ["Answer", "Child", "ChildError", "call_in_child", "run_in_child"]

_POLL_S = 0.1
_LAST_POLL_S = 1.0
_CANCEL_S = 5.0


class Child(Closing):
    """One child process. ``target`` is a function (called by :meth:`call` with no method) or a
    class (made once, with ``arguments``; its methods are then called by name).

    ``memory_limit_bytes`` bounds resident memory (None: ``default_limit_bytes``): the parent
    watches it, because an address-space limit would break CUDA. ``variables`` are added to its
    environment. ``python`` is another interpreter, whose sizewise has to be of this version. Errors
    call it by its ``target``, or as it is ``called``. Raises ChildError (reason code ``start``)
    where the system starts no process.
    """

    def __init__(
        self,
        target: str,
        arguments: dict[str, Any] | None = None,
        *,
        memory_limit_bytes: int | None = None,
        start_timeout_s: float = 600.0,
        variables: Mapping[str, str] | None = None,
        called: str = "",
        python: str = "",
    ) -> None:
        self._process = ChildProcess(target, variables or {}, called=called, python=python)
        self._memory_limit_bytes = memory_limit_bytes or default_limit_bytes()
        self._due = 0
        self.peak_bytes: int | None = None
        """Peak resident memory (``VmHWM``) of the child alone, when it last answered; None before,
        after a crash, and where the system does not say."""
        if arguments is not None:
            try:
                self.call("__init__", arguments, timeout_s=start_timeout_s)
            except BaseException:
                self.close()
                raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def folder(self) -> Path:
        """Its temporary folder, which goes with it. Raises OutputError where there is none."""
        return self._process.folder

    def call(
        self,
        method: str,
        arguments: dict[str, Any],
        *,
        timeout_s: float,
        on_progress: OnProgress = unheard,
    ) -> Any:
        """The method's result. Raises what it raised if that is a SizewiseError, else ChildError
        (reason codes ``timeout``, ``oom_host``, ``crash_<signal>``, ``crash_exception``,
        ``crash_protocol`` and ``output_limit``).

        ``on_progress`` is called with what the child reports by ``sizewise.core.progress.report``.
        Time in which this process is stopped does not count. Interrupted by Ctrl-C, this asks the
        child to end, and kills it where it does not within 5 s.
        """
        self.ask(method, arguments)
        try:
            return self.answer(timeout_s=timeout_s, on_progress=on_progress)
        except KeyboardInterrupt:
            self._cancel()
            raise

    def ask(self, method: str, arguments: dict[str, Any]) -> None:
        """Have a method called, and go on: the child makes calls in their order, and each has its
        :meth:`answer`. Raises ChildError where the child has ended."""
        self._process.send({"method": method, "arguments": arguments})
        self._due += 1

    def answer(self, *, timeout_s: float, on_progress: OnProgress = unheard) -> Any:
        """The result of the first call that was asked for and has none yet. Raises as :meth:`call`;
        Ctrl-C leaves the child at work."""
        self.peak_bytes = None
        message = self._await_answer(timeout_s, on_progress)
        self._due -= 1
        self.peak_bytes = message.get("peak_bytes")
        if "error" in message:
            raise self._error(message)
        return message["result"]

    def _cancel(self) -> None:
        """Wait for an answer, whatever it is, or for the child's end."""
        with contextlib.suppress(ChildError):
            self._process.send({"cancel": True})
            self._await_answer(_CANCEL_S, unheard)
            self._due -= 1

    def _await_answer(self, timeout_s: float, on_progress: OnProgress) -> dict[str, Any]:
        spent = RunningTime()
        while True:
            # Found out before the last look into the pipe: an answer that is there comes first.
            late, gone = spent.seconds > timeout_s, self._process.has_ended()
            message = self._process.take(_LAST_POLL_S if gone else _POLL_S)
            if message is not None and "progress" not in message:
                return message
            if message is not None:
                on_progress(*message["progress"])
            elif gone:  # and what it started holds its pipe open
                raise self._process.crash()
            if late:
                raise self._process.late(timeout_s)
            self._process.keep_below(self._memory_limit_bytes)
            spent.tick()

    def close(self) -> None:
        """End the child: politely where it is idle, by force where it is busy or does not go."""
        self._process.close(busy=self._due > 0)

    @staticmethod
    def _error(message: dict[str, Any]) -> Exception:
        error = error_from_json(message["error"])
        if isinstance(error, ChildError):
            error.trace, error.lives = message.get("trace", ""), True
        return error


class Answer(NamedTuple):
    """The result of a call, and the peak resident memory of its process in bytes (None where the
    system does not say). Compilers that it started do not count."""

    result: Any
    peak_bytes: int | None


def call_in_child(
    target: str,
    arguments: dict[str, Any],
    *,
    timeout_s: float,
    memory_limit_bytes: int | None = None,
    on_progress: OnProgress = unheard,
    python: str = "",
) -> Answer:
    """Call a dotted function once in a child and weigh that; raises as ``Child.call``."""
    with Child(target, memory_limit_bytes=memory_limit_bytes, python=python) as child:
        result = child.call("", arguments, timeout_s=timeout_s, on_progress=on_progress)
        return Answer(result, child.peak_bytes)


def run_in_child(
    target: str,
    arguments: dict[str, Any],
    *,
    timeout_s: float,
    memory_limit_bytes: int | None = None,
    on_progress: OnProgress = unheard,
    python: str = "",
) -> Any:
    """The result alone of :func:`call_in_child`."""
    return call_in_child(
        target,
        arguments,
        timeout_s=timeout_s,
        memory_limit_bytes=memory_limit_bytes,
        on_progress=on_progress,
        python=python,
    ).result
