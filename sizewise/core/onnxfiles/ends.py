"""Inputs and outputs of an ONNX file, as far as an engine can be given and can give them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.limits import DIMENSIONS, ELEMENTS
from sizewise.core.onnxfiles.tensors import type_name
from sizewise.core.specs import Dimension, TensorSpec

if TYPE_CHECKING:
    import onnx

_ARRAYS = {
    **{"FLOAT": "float32", "DOUBLE": "float64", "FLOAT16": "float16", "BOOL": "bool"},
    **{f"{sign}INT{bits}": f"{sign}int{bits}".lower() for sign in ("", "U") for bits in (8, 16)},
    **{f"{sign}INT{bits}": f"{sign}int{bits}".lower() for sign in ("", "U") for bits in (32, 64)},
}
"""The types that NumPy itself has: back ends give and take others in ways of their own, or end the
process over them."""


def tensors_of(
    path: Path, which: str, values: Iterable[onnx.ValueInfoProto]
) -> tuple[TensorSpec, ...]:
    """The inputs or outputs (``which``: input, output) of the file ``path``.

    Raises InputError where one is no tensor of a type that NumPy has, where two have one name, and
    where a shape is beyond the limits.
    """
    found = tuple(_tensor(path, which, value) for value in values)
    twice = [name for name, count in Counter(one.name for one in found).items() if count > 1]
    if twice:
        raise _unusable(path, f"it has several {which}s of the name {twice[0]!r}", "Name each once")
    return found


def demand_shapes(path: Path, graph: onnx.GraphProto) -> None:
    """Raises InputError where an input or output of a graph declares no shape, not even a free one,
    and where an input declares a side of 0: ONNX wants them there, some exporters leave them out or
    write 0 for a free side, and ONNX Runtime then takes nothing."""
    weights = {one.name for one in graph.initializer}
    inputs = [("input", one) for one in graph.input if one.name not in weights]
    for which, value in (*inputs, *(("output", one) for one in graph.output)):
        tensor = value.type.tensor_type
        if value.type.HasField("tensor_type") and tensor.elem_type and not tensor.HasField("shape"):
            todo = "Name its sides in the file, free ones by a word"
            if which == "output":
                todo = (
                    "Let ONNX find it: onnx.save(onnx.shape_inference.infer_shapes(onnx.load("
                    f"{path.name!r})), 'shaped.onnx')"
                )
            raise _unusable(path, f"its {which} {value.name!r} declares no shape", todo)
        for axis, side in enumerate(tensor.shape.dim if which == "input" else ()):
            if side.HasField("dim_value") and not side.dim_value:
                why = f"side {axis} (counted from 0) of its input {value.name!r} is 0"
                place = f"model.graph.input[{list(graph.input).index(value)}].type.tensor_type"
                line = f"{place}.shape.dim[{axis}].dim_param = 'side{axis}'"
                todo = f"Where it is free, give it a name, with onnx: {line}"
                raise _unusable(path, why, todo)


def _tensor(path: Path, which: str, value: onnx.ValueInfoProto) -> TensorSpec:
    kind = value.type.WhichOneof("value") or "nothing"
    if kind != "tensor_type":
        said = kind.removesuffix("_type").replace("_", " ")
        why = f"its {which} {value.name!r} is of the kind {said}, and engines take and give tensors"
        raise _unusable(path, why, f"Export the model with tensors as its {which}s")
    tensor = value.type.tensor_type
    dtype = _ARRAYS.get(type_name(tensor.elem_type))
    if dtype is None:
        named = type_name(tensor.elem_type).lower() or f"number {tensor.elem_type}"
        why = f"its {which} {value.name!r} has the element type {named}, which NumPy does not have"
        raise _unusable(path, why, f"Export the model with a Cast to float32 at this {which}")
    shape = _shape(value)
    DIMENSIONS.demand(path, len(shape), f"its {which} {value.name!r}")
    count = 1
    for dimension in shape:
        count *= dimension if isinstance(dimension, int) else 1
    ELEMENTS.demand(path, count, f"its {which} {value.name!r}")
    return TensorSpec(name=value.name, dtype=dtype, shape=shape)


def _shape(value: onnx.ValueInfoProto) -> tuple[Dimension, ...]:
    shape: list[Dimension] = []
    for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
        if dimension.HasField("dim_value") and dimension.dim_value > 0:
            shape.append(dimension.dim_value)
        else:
            shape.append(dimension.dim_param or f"{value.name}_{axis}")
    return tuple(shape)


def _unusable(path: Path, why: str, todo: str) -> InputError:
    return InputError(f"{path} can't become an engine", why, f"{todo}.")
