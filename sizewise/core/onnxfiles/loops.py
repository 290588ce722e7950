"""How often a loop runs its body, where the file itself says it.

That is a number in the file, or one computed of such numbers, and a condition that stays true.
Where either is computed of a picture or its size, nothing is known before the loop runs: limits of
time hold then.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sizewise.core.onnxfiles.tensors import type_name

if TYPE_CHECKING:
    import onnx

Known = Mapping[str, int]
"""Single whole numbers and truths that stand in a graph, by their names."""

_ONNX = ("", "ai.onnx")
_FIELDS = {"INT64": "int64_data", "INT32": "int32_data", "BOOL": "int32_data"}
_BYTES = 8
"""Of the longest of these."""
_MOVES = ("Identity", "Squeeze", "Unsqueeze", "Reshape", "Cast")
"""Operators that have one value come out as it came in; a second input is a shape."""
_COMPUTED: Mapping[str, Callable[..., int]] = {
    **dict.fromkeys(_MOVES, lambda value: value),
    **{"Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Neg": operator.neg},
    **{"Max": lambda *values: max(values), "Min": lambda *values: min(values)},
    **{"Not": operator.not_, "And": operator.and_, "Or": operator.or_, "Equal": operator.eq},
    **{"Less": operator.lt, "LessOrEqual": operator.le},
    **{"Greater": operator.gt, "GreaterOrEqual": operator.ge},
}
"""What operators make of single numbers."""
_BITS = {"INT64": 64, "INT32": 32, "FLOAT": 64, "DOUBLE": 64}
"""A number as long no longer fits into the type that ``Cast`` makes of it."""
_LONG = 64
"""Bits. Whatever is longer has overflown, and other numbers come out of a runtime."""


def known(
    nodes: Iterable[onnx.NodeProto],
    weights: Iterable[onnx.TensorProto] = (),
    around: Known = MappingProxyType({}),
) -> dict[str, int]:
    """Those among ``weights``, of Constant among ``nodes``, and what nodes compute of these and of
    what is known ``around`` them."""
    values = {tensor.name: value for tensor in weights if (value := _single(tensor)) is not None}
    for node in nodes:
        if node.domain in _ONNX and node.output:
            given = [values.get(name, around.get(name)) for name in _read(node)]
            value = None if None in given else _computed(node, given)
            if value is not None and value.bit_length() < _LONG:
                values[node.output[0]] = value
    return values


def _read(node: onnx.NodeProto) -> Sequence[str]:
    """The inputs whose values count."""
    return node.input[:1] if node.op_type in _MOVES else node.input


def _computed(node: onnx.NodeProto, given: Sequence[Any]) -> int | None:
    """The single number or truth that comes out of ``node``; None where that is not known."""
    if node.op_type == "Constant":
        values = (
            each.i if each.name == "value_int" else _single(each.t) for each in node.attribute
        )
        return next(values, None)
    if not given:
        return None
    if node.op_type == "Cast":
        return _cast(given[0], next((each.i for each in node.attribute if each.name == "to"), 0))
    compute = _COMPUTED.get(node.op_type)
    try:
        return None if compute is None else int(compute(*given))
    except TypeError:  # another number of inputs than the operator has
        return None


def _cast(value: int, kind: int) -> int | None:
    """A whole number as an element of a type; None where it does not fit there."""
    if type_name(kind) == "BOOL":
        return int(value != 0)
    return value if value.bit_length() < _BITS.get(type_name(kind), 0) else None


def turns(node: onnx.NodeProto, body: onnx.GraphProto, around: Known) -> int | None:
    """How often ``node`` runs its ``body`` in one call; None where it never ends.

    1 where that is not known, and where it is no loop. ``around`` is known where the node stands.
    """
    if node.op_type != "Loop" or node.domain not in _ONNX:
        return 1
    number, condition = (*node.input, "", "")[:2]
    begins = around.get(condition) if condition else True
    if begins is None or (begins and not _stays_true(body, around)):
        return 1
    if not begins:
        return 0
    return max(0, around.get(number, 1)) if number else None


def _stays_true(body: onnx.GraphProto, around: Known) -> bool:
    """Whether a body that is entered has its loop go on each time."""
    within = known(body.node, body.initializer, around)
    copied = {
        node.output[0]: node.input[0]
        for node in body.node
        if node.op_type == "Identity" and node.input and node.output
    }
    came_in = body.input[1].name if len(body.input) > 1 else ""
    name = body.output[0].name if body.output else ""
    while name in copied and name != came_in:
        name = copied.pop(name)  # so that a circle ends
    return bool(name) and (name == came_in or bool(within.get(name, around.get(name))))


def _single(tensor: onnx.TensorProto) -> int | None:
    """The value of a tensor that holds one whole number or truth, else None."""
    field = _FIELDS.get(type_name(tensor.data_type))
    if field is None or any(side != 1 for side in tensor.dims):
        return None
    if 0 < len(tensor.raw_data) <= _BYTES:
        return int.from_bytes(tensor.raw_data, "little", signed=True)
    held = getattr(tensor, field)
    return int(held[0]) if len(held) == 1 else None
