"""What a back end is: it builds an engine from an ONNX file and opens it as a session.

The public methods check and then call the ``_``-methods that a back end writes (the way of
Polygraphy's runners), so that no back end repeats a check or forgets one.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sizewise.errors import BackendUnavailableError
from sizewise.specs import Achieved, BackendOptions, EngineArtifact, EngineSpec, ExportedModel

Array = NDArray[Any]
Clock = Callable[[], int]
"""Nanoseconds, monotonic."""


@dataclass(frozen=True)
class Availability:
    """Whether a back end can do it here and, where it can't, why and what to do."""

    ok: bool
    reason: str = ""
    todo: str = ""


class Session(ABC):
    """An open engine. It never times itself: the harness owns the clock."""

    @abstractmethod
    def bind(self, inputs: Mapping[str, Array]) -> None:
        """Take the inputs of the calls to come; NumPy arrays, by input name."""

    @abstractmethod
    def enqueue(self) -> None:
        """Start one inference on what is bound."""

    @abstractmethod
    def synchronize(self) -> None:
        """Return when what was enqueued is done (at once on a CPU)."""

    @abstractmethod
    def outputs(self) -> dict[str, Array]:
        """What the last call gave, by output name."""

    def close(self) -> None:  # noqa: B027 - most sessions hold nothing but memory
        """Give everything back. Called once."""

    def infer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One whole call: bind, enqueue, synchronize, outputs."""
        self.bind(inputs)
        self.enqueue()
        self.synchronize()
        return self.outputs()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Backend(ABC):
    """One way to compile and run an ONNX file. Nothing is imported before it is used."""

    name: ClassVar[str]
    strategies: ClassVar[tuple[str, ...]]
    graph_fusions: ClassVar[Mapping[str, str]]
    """Our level → the back end's own name of it; a level that is missing is unsupported."""
    default_graph_fusion: ClassVar[str] = "all"
    options_type: ClassVar[type[BackendOptions]] = BackendOptions

    @abstractmethod
    def version(self) -> str:
        """Of the library, from its metadata; empty where it is not installed."""

    @abstractmethod
    def can_build(self) -> Availability: ...

    @abstractmethod
    def can_run(self) -> Availability: ...

    def clock(self) -> Clock:
        """What the harness reads around every call."""
        return time.perf_counter_ns

    @abstractmethod
    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> Achieved:
        """Write the engine's files into ``folder`` (empty, ours) and say what it runs in."""

    @abstractmethod
    def _open(self, artifact: EngineArtifact) -> Session: ...

    def build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> Achieved:
        """Compile ``model``. Raises EngineError with a reason code; see ``engines.gate``."""
        from engines import gate

        _demand(self.name, "build", self.can_build())
        gate.admit(self, model, spec)
        return self._build(model, spec, folder)

    def open(self, artifact: EngineArtifact) -> Session:
        """A session on a built engine. Raises EngineError."""
        _demand(self.name, "run", self.can_run())
        return self._open(artifact)


def _demand(name: str, verb: str, answer: Availability) -> None:
    if not answer.ok:
        raise BackendUnavailableError(
            f"The back end {name} can't {verb} engines here",
            answer.reason,
            answer.todo,
            reason_code="unsupported_backend",
        )


def example_input(artifact: EngineArtifact, shape: tuple[int, ...], seed: int = 0) -> Array:
    """Uniform noise of the input's type: 0–1 for floats, 0–255 for bytes."""
    dtype = np.dtype(artifact.image.tensor.dtype)
    noise = np.random.default_rng(seed).random(shape, dtype=np.float32)
    return (noise * 255).astype(dtype) if dtype.kind in "ui" else noise.astype(dtype)
