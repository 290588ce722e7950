"""Stand-ins for what libraries are handed. Each notes the hash of what it got, and goes no further:
an engine that came so far is known by what was handed over."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from engines.backends.fake import Fake
from engines.backends.tensorrt import TensorRt
from engines.base import Availability, Backend
from sizewise.core.specs import BuiltEngine


class ReachedError(Exception):
    """A library was handed an engine."""


@dataclass
class Boundary:
    """``given`` are the engines that back ends were to open, ``seen`` the hashes of what their
    libraries were handed."""

    given: list[BuiltEngine] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def clear(self) -> None:
        self.given.clear()
        self.seen.clear()

    def note(self, handed: Any) -> None:
        content = handed.read_bytes() if isinstance(handed, Path) else bytes(handed)
        self.seen.append(hashlib.sha256(content).hexdigest())

    def stop(self, handed: Any) -> Any:
        self.note(handed)
        raise ReachedError


@contextmanager
def watched(names: tuple[str, ...]) -> Iterator[Boundary]:
    """Nothing that back ends of these ``names`` open reaches their libraries within the block."""
    boundary = Boundary()
    really_open = Backend.open

    def opened(self: Backend, artifact: BuiltEngine) -> Any:
        boundary.given.append(artifact)
        return really_open(self, artifact)

    with ExitStack() as held:
        held.enter_context(patch.object(Backend, "open", opened))
        for name in names:
            for one in _STAND_INS[name](boundary):
                held.enter_context(one)
        yield boundary


def _fake(boundary: Boundary) -> Iterator[Any]:
    def opened(self: Fake, artifact: BuiltEngine) -> Any:
        del self
        boundary.stop(artifact.files / "engine.txt")

    yield patch.object(Fake, "_open", opened)


def _onnxruntime(boundary: Boundary) -> Iterator[Any]:
    library = importlib.import_module("onnxruntime")

    def session(source: Any, *_: object, **__: object) -> Any:
        boundary.stop(source)

    yield patch.object(library, "InferenceSession", session)


def _openvino(boundary: Boundary) -> Iterator[Any]:
    library = importlib.import_module("openvino")

    def imported(self: Any, blob: Any, device: str, config: Any) -> Any:
        del self, device
        boundary.note(json.dumps(config).encode())  # as the builder wrote it
        boundary.stop(blob.data)

    yield patch.object(library.Core, "import_model", imported)


def _torch(boundary: Boundary) -> Iterator[Any]:
    yield patch.object(importlib.import_module("torch").export, "load", boundary.stop)


def _tensorrt(boundary: Boundary) -> Iterator[Any]:
    library = importlib.import_module("tensorrt_rtx")

    class Runtime:
        def __init__(self, logger: object) -> None:
            del logger

        def deserialize_cuda_engine(self, plan: bytes) -> Any:
            return boundary.stop(plan)

    module = SimpleNamespace(ILogger=library.ILogger, Runtime=Runtime)
    yield patch.object(TensorRt, "_module", lambda self: module)
    yield patch.object(TensorRt, "can_run", lambda self: Availability(True))


_STAND_INS: dict[str, Callable[[Boundary], Iterator[Any]]] = {
    "fake": _fake,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "torch_eager": _torch,
    "tensorrt_rtx": _tensorrt,
}
