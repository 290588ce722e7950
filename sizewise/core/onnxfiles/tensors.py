"""Tensors of an ONNX file: their types, and the bytes that they take by type and shape.

All is counted in Python's integers, which don't overflow. ``onnx`` is imported inside the
functions, as in ``sizewise.core.onnxfiles.model``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.limits import DIMENSIONS, ELEMENTS

if TYPE_CHECKING:
    import onnx

_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}
"""Types of which a byte holds several; NumPy gives each element a byte of its own."""
_FIELDS = {
    **{"FLOAT": "float_data", "DOUBLE": "double_data", "INT64": "int64_data"},
    **{"UINT32": "uint64_data", "UINT64": "uint64_data"},
}
_TODO = "Export it again, or check the download."


def type_name(data_type: int) -> str:
    """ONNX's name of an element type; empty where there is no such type."""
    import onnx

    known = onnx.TensorProto.DataType
    return known.Name(data_type) if data_type in known.values() else ""


def bytes_held(tensor: onnx.TensorProto) -> int:
    """The bytes of a tensor's values by its type and shape, wherever they are; 0 for texts and for
    types that are not known."""
    import onnx

    name, count = type_name(tensor.data_type), math.prod(tensor.dims)
    if name in _BITS:
        return -(-count * _BITS[name] // 8)
    if name in ("", "UNDEFINED", "STRING"):
        return 0
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except KeyError:  # a type that NumPy has no array of
        return 0
    return count * dtype.itemsize


def demand_sound(path: Path, tensor: onnx.TensorProto) -> None:
    """Raises InputError where a tensor has no known type, a shape beyond the limits, or other bytes
    than its shape needs."""
    kind, whose = type_name(tensor.data_type), f"the weight {tensor.name!r}"
    DIMENSIONS.demand(path, len(tensor.dims), whose)
    if kind in ("", "UNDEFINED"):
        why = f"{whose} has the element type {tensor.data_type}, which ONNX does not know"
    elif min(tensor.dims, default=0) < 0:
        why = f"{whose} has the shape {list(tensor.dims)}"
    else:
        count = math.prod(tensor.dims)
        ELEMENTS.demand(path, count, whose)
        why = _misfit(tensor, kind, count)
        why = why and f"{whose} of the shape {list(tensor.dims)} {why}"
    if why:
        raise InputError(f"{path} isn't a valid ONNX file", why, _TODO)


def _misfit(tensor: onnx.TensorProto, kind: str, count: int) -> str:
    """How the values inside differ from what the shape needs; empty where they don't."""
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _misplaced(tensor, kind, count)
    if tensor.raw_data:
        held, needed, what = len(tensor.raw_data), bytes_held(tensor), "bytes"
    elif kind in _BITS or kind.startswith("COMPLEX") or kind == "STRING":
        return ""  # packed, in pairs, or texts: the checker knows
    else:
        held, needed = len(getattr(tensor, _FIELDS.get(kind, "int32_data"))), count
        what = "values"
    return "" if held == needed else f"has {held:,} {what}, and needs {needed:,}"


def _misplaced(tensor: onnx.TensorProto, kind: str, count: int) -> str:
    """Why its values can't be those that stand beside the file; empty where they can."""
    fields = {"raw_data", "int32_data", "string_data", *_FIELDS.values()}
    if any(len(getattr(tensor, name)) for name in fields):
        return "has values in the file, too, and stands beside it"
    if count and not bytes_held(tensor):
        return f"holds elements of the type {kind.lower()}, which can't stand beside the file"
    return ""
