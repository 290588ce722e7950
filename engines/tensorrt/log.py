"""What TensorRT logs while it works: it raises nothing, so this text is the reason of a failure.

It also logs what an engine will need of a device, before there is an engine to ask: activations
of each profile in turn, then the weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sizewise.core.specs import EngineMemory

_NO_REASON = ("cudaError 35:", "Thread context has not been set", "Unexpected exception")
"""What comes with a reason; the first, on every machine without a driver."""
_UNSUPPORTED = re.compile(r"\bunsupported in TensorRT", re.I)
_PLACE = re.compile(
    r"\s*\bIn [\w:~]+ at \S+?:\d+\s*|\[\w+\.\w+:+[^\]]*\]\s*|\b\w+\.(?:cpp|cu|h):\d+:\s*"
)
"""Where in the library's source a message was written."""
_LONGEST = 500
_ACTIVATIONS = re.compile(r"Total Activation Memory: (\d+) bytes")
_WEIGHTS = re.compile(r"Total Weights Memory: (\d+) bytes")


class Messages:
    """What a library logged in one piece of work, in order. ``errors`` and ``warnings`` are its own
    sentences, without the places in its source."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self._notes: list[str] = []

    def add(self, severity: str, text: str) -> None:
        """Take one message; ``severity`` is the library's own name of it."""
        said = " ".join(_PLACE.sub("", text).split())
        if severity in ("ERROR", "INTERNAL_ERROR"):
            self.errors.append(said)
        elif severity == "WARNING":
            self.warnings.append(said)
        elif severity == "INFO":
            self._notes.append(said)

    def reason(self, since: int = 0) -> str:
        """The errors from number ``since`` on, as one sentence; empty without any."""
        found = list(dict.fromkeys(self.errors[since:]))
        telling = [text for text in found if not any(noise in text for noise in _NO_REASON)]
        return "; ".join(telling or found)[:_LONGEST]

    def refusals(self) -> list[str]:
        """Warnings that an option has no effect."""
        return [text for text in self.warnings if _UNSUPPORTED.search(text)]

    def memory(self) -> EngineMemory | None:
        """What the engine that was built will need; None where it was not logged."""
        weights = _numbers(_WEIGHTS, self._notes)
        contexts = _numbers(_ACTIVATIONS, self._notes)
        if not weights or not contexts:
            return None
        return EngineMemory(weights_bytes=weights[-1], context_bytes=contexts)


def _numbers(pattern: re.Pattern[str], texts: Iterable[str]) -> tuple[int, ...]:
    return tuple(int(found[1]) for text in texts if (found := pattern.search(text)))


def make_logger(trt: Any, messages: Messages) -> Any:
    """A logger of the module ``trt`` that adds to ``messages``."""

    class Listener(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()

        def log(self, severity: Any, text: str) -> None:
            messages.add(severity.name, text)

    return Listener()
