"""What a child writes, read by threads: its answers, and the end of what it prints.

Both are bounded, whatever the child does: this process has the results of the whole sweep.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
import time
from typing import IO, Any

from sizewise.core.options.declared import with_names_spelled

BEAT: dict[str, Any] = {"beat": True}
"""The message that says no more than that a child lives."""

_BEAT = json.dumps(BEAT).encode() + b"\n"
_KEYS = {"result", "error", "progress"}
_OF_AN_ERROR = {"type", "what", "why", "todo", "reason_code"}
_MOST_BYTES = 64 * 2**20
_UNREAD = 8
_LOOK_S = 1.0
_CHUNK = 65536
_TAIL_BYTES = 8192
_QUOTED = 80


class WrongAnswerError(Exception):
    """A child sent what is no answer. ``reason_code`` is that of the error it becomes."""

    def __init__(self, why: str, reason_code: str) -> None:
        super().__init__(why)
        self.reason_code = reason_code


class Answers:
    """The messages of a child, one JSON object a line. Beats are noted in ``last_beat_s``.

    A few unread messages are kept; after those, the child waits until they are taken.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self.last_beat_s = time.monotonic()
        self._pipe = pipe
        self._unread: queue.Queue[bytes | Exception] = queue.Queue(_UNREAD)
        self._end: Exception | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def take(self, wait_s: float) -> dict[str, Any] | None:
        """The next message; None where there is none within ``wait_s``.

        Raises EOFError where none comes any more, WrongAnswerError (``crash_protocol``,
        ``output_limit``).
        """
        if self._end is not None:
            raise self._end
        try:
            item = self._unread.get(timeout=wait_s)
        except queue.Empty:
            return None
        if isinstance(item, Exception):
            self._end = item
            raise item
        return _message(item)

    def close(self) -> None:
        """Forget what is unread. The thread ends when the last writer's end of the pipe closes."""
        self._closed.set()
        self._thread.join(_LOOK_S)

    def _read(self) -> None:
        end: Exception = EOFError()
        try:
            with self._pipe:
                end = self._read_lines()
        except (OSError, MemoryError) as error:
            end = WrongAnswerError(f"its answer can't be read: {error!r}", "crash_protocol")
        finally:  # or a caller would wait for a message until its time is up
            self._keep(end)

    def _read_lines(self) -> Exception:
        """Keep whole lines, and return what came after them."""
        while (line := self._pipe.readline(_MOST_BYTES)).endswith(b"\n"):
            if line == _BEAT:
                self.last_beat_s = time.monotonic()
            else:
                self._keep(line)
        if len(line) < _MOST_BYTES:  # nothing, or the half that a crash left
            return EOFError()
        why = f"its answer is longer than {_MOST_BYTES / 2**20:g} MiB"
        return WrongAnswerError(why, "output_limit")

    def _keep(self, item: bytes | Exception) -> None:
        while not self._closed.is_set():
            try:
                self._unread.put(item, timeout=_LOOK_S)
            except queue.Full:
                continue
            return


def _message(line: bytes) -> dict[str, Any]:
    """The message of a line, with options named as the user wrote them."""
    try:
        found = json.loads(with_names_spelled(line.decode("utf-8")))
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and _is_message(found):
        return found
    said = line[:_QUOTED].decode("utf-8", errors="replace").strip()
    raise WrongAnswerError(f"its answer is no message of ours: {said!r}", "crash_protocol")


def _is_message(found: dict[str, Any]) -> bool:
    """Whether it has the form of what a child writes (``sizewise.core.children.serving``)."""
    error, progress = found.get("error"), found.get("progress")
    return (
        bool(found.keys() & _KEYS)
        and ("error" not in found or _is_error(error))
        and ("progress" not in found or _is_progress(progress))
        and isinstance(found.get("trace", ""), str)
        and isinstance(found.get("peak_bytes"), int | None)
    )


def _is_error(found: object) -> bool:
    if not isinstance(found, dict):
        return False
    return found.keys() >= _OF_AN_ERROR and all(isinstance(one, str) for one in found.values())


def _is_progress(found: object) -> bool:
    if not isinstance(found, list) or len(found) != 2:
        return False
    return isinstance(found[0], int | float) and isinstance(found[1], str)


class Tail:
    """The last 8 KiB of what a child prints; the rest is forgotten as it comes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self, characters: int) -> str:
        """The last words on one line. Ask when the child has ended: this waits up to a second for
        all that it printed."""
        self._thread.join(_LOOK_S)
        text = self._kept.decode(errors="replace").strip()
        return " ".join(text[-characters:].split())

    def close(self) -> None:
        self._thread.join(_LOOK_S)

    def _read(self) -> None:
        with self._pipe, contextlib.suppress(OSError):
            while chunk := os.read(self._pipe.fileno(), _CHUNK):
                self._kept = (self._kept + chunk)[-_TAIL_BYTES:]
