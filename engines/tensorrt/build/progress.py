"""The progress of a build for its watchers, and a way to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Report = Callable[[float, str], None]
"""The share done (0–1), and what is being done."""


class Phases:
    """TensorRT's nested phases as one share of the whole.

    A step of a phase is shared out among the steps of the phase within it, and so on. TensorRT
    reports from threads of its own, several at a time (Python API reference, ``IProgressMonitor``).
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._one_at_a_time = threading.Lock()
        self._steps: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._parents: dict[str, str | None] = {}
        self._best = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        with self._one_at_a_time:
            self._steps[name], self._done[name], self._parents[name] = max(steps, 1), 0, parent
            self._tell(name)

    def step(self, name: str, step: int) -> None:
        """Note that step number ``step``, from 0, is done."""
        with self._one_at_a_time:
            if name in self._steps:
                self._done[name] = min(step + 1, self._steps[name])
                self._tell(name)

    def finish(self, name: str) -> None:
        with self._one_at_a_time:
            if name in self._steps:
                self._done[name] = self._steps[name]
                self._tell(name)
                del self._steps[name]

    def _tell(self, name: str) -> None:
        # A phase that comes again (once per profile) starts at nothing: a bar does not go back.
        self._best = max(self._best, self._share())
        self._report(self._best, name)

    def _share(self) -> float:
        share, weight = 0.0, 1.0
        for name in self._chain():
            share += weight * self._done[name] / self._steps[name]
            weight *= 1 / self._steps[name] if self._done[name] < self._steps[name] else 0.0
        return share

    def _chain(self) -> list[str]:
        """The phases at work, the outermost first, down to the one that began last."""
        chain: list[str] = []
        name: str | None = next(reversed(self._steps), None)
        while name is not None and name in self._steps and name not in chain:
            chain.insert(0, name)
            name = self._parents[name]
        return chain


def watching(trt: Any, report: Report, cancelled: Callable[[], bool]) -> Any | None:
    """A progress monitor of the module ``trt``; None where its version has none."""
    if not hasattr(trt, "IProgressMonitor"):
        return None
    phases = Phases(report)

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            phases.start(name, parent, steps)

        def step_complete(self, name: str, step: int) -> bool:
            phases.step(name, step)
            return not cancelled()

        def phase_finish(self, name: str) -> None:
            phases.finish(name)

    return Monitor()
