"""What TensorRT answers: it raises nothing, and tells its logger alone why it failed."""

from __future__ import annotations

from engines.tensorrt.log import Words
from sizewise.core.errors import InferenceError


class Answers:
    """Of one session. ``words`` is what hears its logger."""

    def __init__(self, backend: str, words: Words) -> None:
        self._backend, self._words = backend, words
        self._heard = len(words.errors)

    def demand(self, answer: object, what: str) -> None:
        """Raises InferenceError where ``answer`` to ``what`` is False or None."""
        if answer is None or answer is False:
            raise self.failure(what)

    def failure(self, what: str, why: str = "") -> InferenceError:
        said = why or self._words.reason(since=self._heard) or "it gave no reason"
        self._heard = len(self._words.errors)
        code = "oom_device" if "out of memory" in said.lower() else "error"
        return InferenceError(
            f"{self._backend} could not {what}",
            said,
            "Run it again; if it stays, build the engine again with sizewise build.",
            reason_code=code,
        )
