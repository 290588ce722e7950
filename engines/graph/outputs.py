"""Declared shapes that a graph does not bear out.

A file may declare two dimensions where three come out, or the numbers of an example, of an output
or of a tensor inside. ONNX Runtime warns of it in a first call, and fails in the next one, whose
outputs are bound, or plans its memory by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.onnxfiles.shapes import has_few_values, load_without_weights
from sizewise.core.specs import TensorSpec

if TYPE_CHECKING:
    import onnx

_Shape = list[int | None]


def unconfirmed_shapes(path: Path) -> frozenset[str]:
    """The outputs, and the tensors inside, whose declared rank, or a number in whose declared
    shape, is not what inference finds from the graph alone."""
    import onnx

    declared = _shapes(onnx.load(path, load_external_data=False).graph)
    proto = load_without_weights(path)
    forget_shapes(proto, frozenset(output.name for output in proto.graph.output))
    try:
        inferred = onnx.shape_inference.infer_shapes(proto, data_prop=has_few_values(proto))
    except onnx.shape_inference.InferenceError:
        return frozenset(declared)
    found = _shapes(inferred.graph)
    return frozenset(name for name in declared if not _agrees(declared[name], found.get(name)))


def forget_shapes(proto: onnx.ModelProto, names: frozenset[str]) -> None:
    """Remove, in place, the declared shapes of the tensors ``names``."""
    for output in proto.graph.output:
        if output.name in names:
            output.type.tensor_type.ClearField("shape")
    kept = [value for value in proto.graph.value_info if value.name not in names]
    del proto.graph.value_info[:]
    proto.graph.value_info.extend(kept)


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


def _shapes(graph: onnx.GraphProto) -> dict[str, _Shape]:
    """Of all tensors behind the inputs for which there is one, by name."""
    declaring = (*graph.output, *graph.value_info)
    return {value.name: shape for value in declaring if (shape := _shape(value)) is not None}


def _shape(value: onnx.ValueInfoProto) -> _Shape | None:
    """Its numbers, None for a dimension without one; None for no shape."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim]


def _agrees(declared: _Shape, found: _Shape | None) -> bool:
    if found is None or len(found) != len(declared):
        return False
    return all(a is None or a == b for a, b in zip(declared, found, strict=True))
