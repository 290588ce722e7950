"""Starting the process that holds an engine, behind an interface that tests can fill in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sizewise.core.child import Child

WORKER = "bench.worker:Worker"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of a build, and of each call to a worker; memory is resident, None for no limit."""

    timeout_s: float
    memory_bytes: int | None = None


class Handle(Protocol):
    """A worker somewhere: its methods by name, plain values in and out."""

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        """Raises what the method raises, and ChildError. The first call is ``__init__``."""

    def close(self) -> None: ...


Launch = Callable[[Limits], Handle]


def launch_child(limits: Limits) -> Handle:
    """In a process of its own. Call this from the main thread: children die with their thread."""
    return Child(WORKER, memory_limit_bytes=limits.memory_bytes)
