"""One call of a library by itself, as a user's loop makes it.

Nothing that our back ends set is set here, but for the number of threads and the precision: without
these two it would be another computation. What our sessions cost beside it, ``sizewise audit`` and
``docs.make.method.fair`` measure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from engines.backends._bare.graphs import onnxruntime_call, onnxruntime_cuda_call, openvino_call
from engines.backends._bare.programs import compiled_call, cuda_call, eager_call
from engines.base import Array
from sizewise.core.errors import UsageError
from sizewise.core.specs import BuiltEngine, ExportedModel

BareCall = Callable[[], Any]
"""One inference on images that were given before; gives what the library gives."""

_PACKAGE = "engine.pt2"
"""The file in the folder of an engine of torch_compile."""


class _Opener(Protocol):
    def __call__(self, source: Path, images: Array, threads: int, *, static: bool) -> BareCall: ...


BARE: Mapping[str, _Opener] = {
    "onnxruntime": onnxruntime_call,
    "openvino": openvino_call,
    "torch_eager": eager_call,
    "torch_compile": compiled_call,
    "onnxruntime_cuda": onnxruntime_cuda_call,
    "torch_cuda": cuda_call,
}
"""By the name of the back end of ours that runs the same library."""

_OF_PROGRAMS = ("torch_eager", "torch_cuda")
"""Those that open the program beside the ONNX file."""


def bare_call(backend: str, source: Path, images: Array, threads: int, *, static: bool) -> BareCall:
    """Open ``source`` in the library of ``backend``, for calls on ``images``.

    ``static``: for their shape alone, where the library can fix it. Raises UsageError for a back
    end that has no bare call, and whatever the library raises.
    """
    if backend not in BARE:
        why = f"it can be measured by itself for {', '.join(BARE)}"
        raise UsageError(f"There is no bare call of {backend}", why, "Choose one of these.")
    return BARE[backend](source, images, threads, static=static)


def bare_source(model: ExportedModel, engine: BuiltEngine) -> Path:
    """The file that the library opens by itself, where our back end made ``engine`` of ``model``.

    A compiled program is that of the engine: a build of its own might choose other kernels.
    """
    if engine.spec.backend == "torch_compile":
        return engine.path / _PACKAGE
    return model.program_path if engine.spec.backend in _OF_PROGRAMS else model.path
