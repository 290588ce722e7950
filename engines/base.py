"""What a back end is: it builds an engine from an ONNX file and opens it as a session.

The public methods check and then call the ``_``-methods that a back end writes (as Polygraphy's
runners do), so that no back end repeats a check or forgets one.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.admission import admit
from engines.inputs import check_inputs
from engines.profiles import ProfiledNode
from sizewise.core.errors import BackendUnavailableError
from sizewise.core.further.arrays import arrays_of
from sizewise.core.further.resolving import further_of
from sizewise.core.holding.closing import Closing
from sizewise.core.machine.environment import read_environment
from sizewise.core.pictures.arrays import noise_as_input
from sizewise.core.specs import (
    Achieved,
    BackendOptions,
    BuiltEngine,
    EngineMemory,
    EngineSpec,
    ExportedModel,
    Size,
)

Array = NDArray[Any]
Clock = Callable[[], int]
"""Nanoseconds, monotonic."""


@dataclass(frozen=True)
class Availability:
    """Whether a back end can do it here and, where it can't, why and what to do."""

    ok: bool
    reason: str = ""
    todo: str = ""


@dataclass(frozen=True, kw_only=True)
class BuildNotes:
    """What a builder says beside the engine's files: the device memory that the engine will need,
    and what it warned of."""

    memory: EngineMemory | None = None
    remarks: tuple[str, ...] = ()


class Inferring(Protocol):
    """What runs pictures: a session, or an engine in another process (``engines.apart``)."""

    @property
    def artifact(self) -> BuiltEngine:
        """The engine."""

    def infer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of one whole call, by name. Raises EngineError."""


class Session(Closing):
    """An open engine. It never times itself: the harness owns the clock."""

    def __init__(self, artifact: BuiltEngine) -> None:
        self.artifact = artifact

    def bind(self, inputs: Mapping[str, Array]) -> None:
        """Take the images of the following calls, and what the inputs beside them are given, by
        name.

        Raises EngineMismatchError where name, type, batch or size are not what the engine was built
        for. No array is copied: leave them alone until the last of these calls is done.
        """
        self._bind(*check_inputs(self.artifact, inputs))

    @abstractmethod
    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        """Take ``images``, and what the inputs beside them are given, in the order of the graph:
        contiguous, and of types and shapes that the engine takes."""

    @abstractmethod
    def enqueue(self) -> None:
        """Start one inference on the bound images. Raises InferenceError."""

    def synchronize(self) -> None:
        """Wait until everything that was enqueued is done. Raises InferenceError."""

    @abstractmethod
    def outputs(self) -> dict[str, Array]:
        """Copies of the last call's outputs, by name."""

    def parts(self) -> dict[str, Callable[[], None]]:
        """The parts of a call, by name and in order (H2D, compute, D2H), each to be followed by
        synchronize; none where a call has no parts."""
        return {}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know of the calls so far, such as a request that could not be met."""
        return ()

    def close(self) -> None:
        """Release everything. Called once."""

    def infer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Make one whole call: bind, enqueue, synchronize, outputs."""
        self.bind(inputs)
        self.enqueue()
        self.synchronize()
        return self.outputs()


class Backend(ABC):
    """One way to compile and run an ONNX file. Nothing is imported before it is used."""

    name: ClassVar[str]
    strategies: ClassVar[tuple[str, ...]]
    precisions: ClassVar[tuple[str, ...]]
    """Precisions of a graph that it takes; what the layers then run in, ``inspect`` says."""
    refused_precisions: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Others, with the reason why it does not take them, where that is not plain."""
    graph_fusions: ClassVar[Mapping[str, str]]
    """Our level → the back end's own name of it; a level that is missing is unsupported."""
    default_graph_fusion: ClassVar[str] = "all"
    options_type: ClassVar[type[BackendOptions]] = BackendOptions
    takes_streams: ClassVar[bool] = False
    takes_batch_ranges: ClassVar[bool] = False
    own_operators_only: ClassVar[bool] = False
    """It loads no plug-ins: operators of domains that nobody here knows can't be built."""
    has_profile: ClassVar[bool] = False
    """Its runtime tells the time of each node of an engine."""
    native_code: ClassVar[bool] = False
    """Opening its engines runs code that is in them, with the user's rights: machine code, or a
    pickle's. They are opened where this user built them or trusts them
    (``engines.store.opening``).
    """
    builder: ClassVar[int] = 1
    """Raised by hand where a change of our code changes what is built or how it runs: engines and
    figures of before are then no longer taken for today's."""
    for_tests: ClassVar[bool] = False
    """Its figures are invented: never to be offered to a user as a choice."""

    @abstractmethod
    def version(self) -> str:
        """The library's version, from its metadata; empty where it is not installed."""

    def compiler(self) -> str:
        """What else builds its engines, with its version, where that is no part of the library: an
        engine of another compiler is another engine. Empty where there is none."""
        return ""

    def thread_policy(self, threads: int, options: BackendOptions | None = None) -> str:
        """How ``threads`` threads wait for work and which cores they get, in words; empty where
        there is nothing to choose. It is the library's own default, or it is named here.

        ``options`` are the back end's own; None stands for their defaults.
        """
        del threads, options
        return ""

    def machine(self, spec: EngineSpec) -> str:
        """The machine that an engine is bound to, beside the library's version: it opens where this
        is the same.

        The whole of this machine, unless a back end knows better.
        """
        del spec
        return this_machine()

    def opens(self, version: str, spec: EngineSpec) -> bool:
        """Whether it opens what was built by its ``version``: the same, unless it knows better."""
        del spec
        return version == self.version()

    @abstractmethod
    def can_build(self) -> Availability: ...

    @abstractmethod
    def can_run(self) -> Availability: ...

    def load_library(self) -> None:  # noqa: B027 - not every back end has one
        """Import what running needs, so that no time and no memory measured later includes it."""

    def load_builder(self) -> None:
        """Import what building needs, for the same reason."""
        self.load_library()

    def clock(self) -> Clock:
        """The clock that the harness reads around every call."""
        return time.perf_counter_ns

    @abstractmethod
    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> BuildNotes | None:
        """Write the engine's files into ``folder`` (empty, ours). None: nothing to note."""

    @abstractmethod
    def _open(self, artifact: BuiltEngine) -> Session: ...

    @abstractmethod
    def _inspect(self, artifact: BuiltEngine) -> Achieved: ...

    def check(self, model: ExportedModel, spec: EngineSpec) -> None:
        """Refuse an engine that can't be built. Raises EngineError, with its reason code."""
        _demand(self.name, "build", self.can_build())
        admit(self, model, spec)

    def demand_run(self) -> None:
        """Refuse to go on where no engine can run here. Raises BackendUnavailableError."""
        _demand(self.name, "run", self.can_run())

    def build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> BuiltEngine:
        """Compile ``model`` into ``folder``. Raises EngineError."""
        self.check(model, spec)
        notes = self._build(model, spec, folder) or BuildNotes()
        return BuiltEngine(
            path=folder,
            model_sha256=model.sha256,
            image=model.image,
            outputs=model.outputs,
            card=model.card,
            spec=spec,
            memory=notes.memory,
            remarks=notes.remarks,
            further=further_of(model),
        )

    def open(self, artifact: BuiltEngine) -> Session:
        """A session on a built engine, its bytes unverified: use ``engines.store.opening``. Raises
        EngineError."""
        self.demand_run()
        return self._open(artifact)

    def inspect(self, artifact: BuiltEngine) -> Achieved:
        """The precision of each layer, read from the built engine, or the reason why there is
        none."""
        answer = self.can_run()
        return self._inspect(artifact) if answer.ok else self._uninspected(answer)

    def profile(self, artifact: BuiltEngine, source: Path, size: Size) -> tuple[ProfiledNode, ...]:
        """The nodes of an engine with their times at ``size``, by the runtime's own profile.

        ``source`` is the ONNX file that it was built of. Raises EngineError, and
        NotImplementedError where the runtime has no profile.
        """
        self.demand_run()
        return self._profile(
            artifact, source, example_inputs(artifact, artifact.spec.batch_size, size)
        )

    def _profile(
        self, artifact: BuiltEngine, source: Path, inputs: Mapping[str, Array]
    ) -> tuple[ProfiledNode, ...]:
        raise NotImplementedError

    def memory(self, artifact: BuiltEngine) -> EngineMemory | None:
        """The device memory that an engine needs: as its builder said, unless a back end can ask
        the engine."""
        return artifact.memory

    def _uninspected(self, answer: Availability) -> Achieved:
        """The reason why an engine's layers can't be read here, from what ``can_run`` said."""
        return Achieved(reason=answer.reason)


@cache
def this_machine() -> str:
    """What compiled code depends on beside its library: system, instruction sets and devices."""
    environment = read_environment()
    return " ".join((environment.system, *environment.cpu_flags, *environment.devices))


def _demand(name: str, verb: str, answer: Availability) -> None:
    if not answer.ok:
        raise BackendUnavailableError(
            f"The back end {name} can't {verb} engines here",
            answer.reason,
            answer.todo,
            reason_code="unsupported_backend",
        )


def example_input(artifact: BuiltEngine, shape: tuple[int, ...], seed: int = 0) -> Array:
    """Uniform noise of ``shape``, given as the card says that pictures are: their range, colours
    and type."""
    noise = np.random.default_rng(seed).random(shape, dtype=np.float32)
    planes = noise if artifact.image.channels_first else noise.transpose(0, 3, 1, 2)
    return noise_as_input(planes, artifact.image, artifact.card.preprocessing)


def example_inputs(
    artifact: BuiltEngine, batch_size: int, size: Size, seed: int = 0
) -> dict[str, Array]:
    """Noise for the images, and what the inputs beside them are given, by name."""
    images = example_input(artifact, artifact.image.shape(batch_size, size), seed)
    return with_further(artifact, images)


def with_further(artifact: BuiltEngine, images: Array) -> dict[str, Array]:
    """``images`` and what the inputs beside them are given, by name. Raises InputError."""
    size = artifact.image.size_of(images.shape)
    given = arrays_of(artifact.further, images.shape[0], size)
    return {artifact.image.tensor.name: images, **given}
