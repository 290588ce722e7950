"""The inputs and outputs of an opened engine, checked against its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import BuiltEngine


@dataclass(frozen=True, kw_only=True)
class Output:
    name: str
    dtype: np.dtype[Any]


def read_outputs(trt: Any, engine: Any, artifact: BuiltEngine) -> tuple[Output, ...]:
    """The engine's outputs.

    Raises EngineMismatchError where ``engine`` is not what ``artifact`` says, or has tensors that a
    session can't handle.
    """
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    is_input = {n: engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT for n in names}
    outputs = [name for name in names if not is_input[name]]
    image = artifact.image.tensor
    inputs = {image.name: image.dtype} | {one.name: one.dtype for one in artifact.further}
    _same(artifact, "inputs", sorted(inputs), sorted(name for name in names if is_input[name]))
    _same(artifact, "outputs", sorted(o.name for o in artifact.outputs), sorted(outputs))
    profiles = len(artifact.spec.profiles)
    _same(artifact, "number of profiles", profiles, engine.num_optimization_profiles)
    for name in names:
        if engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
            raise _mismatch(artifact, f"the tensor {name} is on the host, not on the GPU")
    for name, dtype in inputs.items():
        found = _dtype(trt, engine, artifact, name)
        _same(artifact, f"type of {name}", np.dtype(dtype), found)
    return tuple(Output(name=n, dtype=_dtype(trt, engine, artifact, n)) for n in outputs)


def _dtype(trt: Any, engine: Any, artifact: BuiltEngine, name: str) -> np.dtype[Any]:
    kind = engine.get_tensor_dtype(name)
    try:
        found: np.dtype[Any] = np.dtype(trt.nptype(kind))
    except TypeError as error:
        raise EngineMismatchError(
            f"The engine {artifact.path} can't be used",
            f"the tensor {name} is {kind.name}, which NumPy has no type for",
            "Export the model with inputs and outputs in float32.",
            reason_code="unsupported_precision",
        ) from error
    return found


def _same(artifact: BuiltEngine, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise _mismatch(
            artifact, f"its {what} should be {expected} by its manifest, and is {found}"
        )


def _mismatch(artifact: BuiltEngine, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"The engine {artifact.path} can't be used", why, "Build it again with sizewise build."
    )
