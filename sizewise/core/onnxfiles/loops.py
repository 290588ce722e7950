"""How often a loop runs its body, where the file itself says it.

That is a number in the file, and a condition that stays true. Where either is computed, nothing is
known before the loop runs: limits of time hold then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sizewise.core.onnxfiles.tensors import type_name

if TYPE_CHECKING:
    import onnx

Known = Mapping[str, int]
"""Single whole numbers and truths that stand in a graph, by their names."""

_ONNX = ("", "ai.onnx")
_FIELDS = {"INT64": "int64_data", "INT32": "int32_data", "BOOL": "int32_data"}
_BYTES = 8
"""Of the longest of these."""


def known(
    nodes: Iterable[onnx.NodeProto], weights: Iterable[onnx.TensorProto] = ()
) -> dict[str, int]:
    """Those among ``weights`` and of Constant among ``nodes``."""
    values = {tensor.name: _single(tensor) for tensor in weights}
    for node in nodes:
        if node.op_type == "Constant" and node.domain in _ONNX:
            for given in node.attribute:
                whole = given.i if given.name == "value_int" else _single(given.t)
                values.update(dict.fromkeys(node.output, whole))
    return {name: value for name, value in values.items() if value is not None}


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
    within = known(body.node, body.initializer)
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
