"""Calls of TensorRT that fail: they raise nothing, and only the logger knows why."""

from __future__ import annotations

from engines.tensorrt.log import Messages
from sizewise.core.errors import InferenceError


class Failures:
    """The failures of one session's calls, as errors. ``messages`` are those of its logger."""

    def __init__(self, backend: str, messages: Messages) -> None:
        self._backend, self._messages = backend, messages
        self._heard = len(messages.errors)

    def demand(self, answer: object, what: str) -> None:
        """Refuse an ``answer`` to ``what`` that is False or None. Raises InferenceError."""
        if answer is None or answer is False:
            raise self.failure(what)

    def failure(self, what: str, why: str = "") -> InferenceError:
        said = why or self._messages.reason(since=self._heard) or "it gave no reason"
        self._heard = len(self._messages.errors)
        code = "oom_device" if "out of memory" in said.lower() else "error"
        return InferenceError(
            f"{self._backend} could not {what}",
            said,
            "Run it again; if it stays, build the engine again with sizewise build.",
            reason_code=code,
        )
