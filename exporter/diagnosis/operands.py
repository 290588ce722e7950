"""Sizes among the operands of an operator, where torch has a number in mind.

A size is a symbol while a module is traced. Some of torch's translations to ONNX take the number
itself, and fail at a symbol.
"""

from __future__ import annotations

from exporter.diagnosis.places import node_of

_SYMBOLS = ("SymInt", "SymFloat")


def sized_operator(error: BaseException) -> str:
    """The operator at whose node ``error`` was raised, where it is given a size for a number; empty
    otherwise."""
    node = node_of(error)
    schema = getattr(getattr(node, "target", None), "_schema", None)
    if schema is None:
        return ""
    names = [one.name for one in schema.arguments]
    given = dict(zip(names, node.args, strict=False)) | node.kwargs
    numbers = (given.get(one.name) for one in schema.arguments if "number" in str(one.type))
    values = (getattr(one, "meta", {}).get("val") for one in numbers)
    sized = any(type(value).__name__ in _SYMBOLS for value in values)
    return str(schema.name).removeprefix("aten::") if sized else ""
