"""Starting the process that holds an engine; tests put another :data:`Launch` in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.remote import RemoteWorker
from sizewise.core.children.child import Child

WORKER = "bench.worker:Worker"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a build, and of each call to a worker. ``memory_bytes`` is resident memory; None
    sets no limit. ``python`` is the interpreter of the process (empty: this one)."""

    timeout_s: float
    memory_bytes: int | None = None
    python: str = ""

    def under(self, python: str) -> Limits:
        """The same, of a process of this interpreter."""
        return replace(self, python=python)


Launch = Callable[[Limits], RemoteWorker]
"""Starts a worker that has opened nothing yet."""


def launch_child(limits: Limits) -> RemoteWorker:
    """Start a worker in a process of its own. Call this from the main thread: children die with
    their thread."""
    child = Child(WORKER, memory_limit_bytes=limits.memory_bytes, python=limits.python)
    return RemoteWorker(child, timeout_s=limits.timeout_s)
