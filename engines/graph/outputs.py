"""Outputs whose declared shapes a graph does not bear out.

A file may declare two dimensions where three come out, or the numbers of an example. ONNX Runtime
warns of it in a first call, and fails in the next one, whose outputs are bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engines.graph.reading import load_without_weights
from sizewise.core.specs import TensorSpec

if TYPE_CHECKING:
    import onnx

_Shape = list[int | None]


def unconfirmed_outputs(path: Path) -> frozenset[str]:
    """The outputs whose declared rank, or a number in whose declared shape, is not what inference
    finds from the graph alone."""
    import onnx

    proto = load_without_weights(path)
    declared = {output.name: _shape(output) for output in proto.graph.output}
    forget_shapes(proto, frozenset(declared))
    try:
        inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    except onnx.shape_inference.InferenceError:
        return frozenset(declared)
    found = {output.name: _shape(output) for output in inferred.graph.output}
    return frozenset(name for name in declared if not _agrees(declared[name], found.get(name)))


def forget_shapes(proto: onnx.ModelProto, names: frozenset[str]) -> None:
    """Remove, in place, the declared shapes of the outputs ``names``."""
    for output in proto.graph.output:
        if output.name in names:
            output.type.tensor_type.ClearField("shape")


def remarks_on(declared: Sequence[TensorSpec], found: Mapping[str, Sequence[object]]) -> list[str]:
    """A sentence for each output that is found to have another rank, or another number in its
    shape, than the file declares; an empty shape is one that was not found."""
    return [
        f"The file declares the output {tensor.name} as {_listed(tensor.shape)}, and it is "
        f"{_listed(shape)}: the latter was taken."
        for tensor in declared
        if (shape := found.get(tensor.name)) and _contradicts(tensor.shape, shape)
    ]


def _contradicts(declared: Sequence[object], found: Sequence[object]) -> bool:
    return len(declared) != len(found) or any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(declared, found, strict=True)
    )


def _listed(shape: Sequence[object]) -> str:
    return f"[{', '.join('?' if side is None else str(side) for side in shape)}]"


def _shape(value: onnx.ValueInfoProto) -> _Shape | None:
    """Its numbers, None for a dimension without one; None for no shape."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim]


def _agrees(declared: _Shape | None, found: _Shape | None) -> bool:
    if declared is None:
        return True
    if found is None or len(found) != len(declared):
        return False
    return all(a is None or a == b for a, b in zip(declared, found, strict=True))
