"""Small graphs that add one weight to the images' mean, with the weight wherever ONNX has tensors.

All give ``sums`` [B, 4, H, W]: the mean over the channels of ``images`` [B, 3, H, W], plus a number
for each of four channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    SparseTensorProto,
    TensorProto,
    helper,
    numpy_helper,
)

VALUES = np.array([1, 2, 3, 4], np.float32)
CHANNELS = np.arange(4, dtype=np.int64)
"""The places of the values in a sparse weight."""
_FLOAT = TensorProto.FLOAT
_OPSETS = (helper.make_opsetid("", 17), helper.make_opsetid("ours", 1))
_IR_VERSION = 10


@dataclass
class _Parts:
    """What gives ``added`` from ``four`` and the weight."""

    nodes: list[NodeProto]
    initializers: list[TensorProto] = field(default_factory=list)
    sparse: list[SparseTensorProto] = field(default_factory=list)
    functions: list[FunctionProto] = field(default_factory=list)


def _node(kind: str, given: str, made: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, given.split(), made.split(), **attributes)


def _array(name: str, values: Any, dtype: Any) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype), name)


def _sums(name: str = "added") -> Any:
    return helper.make_tensor_value_info(name, _FLOAT, ["b", 4, "h", "w"])


def _constant(tensor: TensorProto) -> NodeProto:
    return _node("Constant", "", "w", value=tensor)


def _initializer(tensor: TensorProto) -> _Parts:
    return _Parts([_node("Add", "four w", "added")], [tensor])


def _attribute(tensor: TensorProto) -> _Parts:
    return _Parts([_constant(tensor), _node("Add", "four w", "added")])


def _branch(nodes: Sequence[NodeProto], weights: Sequence[TensorProto]) -> _Parts:
    add, pass_on = _node("Add", "four w", "then"), _node("Identity", "four", "else")
    branches = {
        "then_branch": helper.make_graph([*nodes, add], "then", [], [_sums("then")], weights),
        "else_branch": helper.make_graph([pass_on], "else", [], [_sums("else")]),
    }
    return _Parts([_node("If", "yes", "added", **branches)], [_array("yes", True, np.bool_)])


def _loop(tensor: TensorProto) -> _Parts:
    given = [
        helper.make_tensor_value_info("turn", TensorProto.INT64, []),
        helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        _sums("before"),
    ]
    made = [helper.make_tensor_value_info("still", TensorProto.BOOL, []), _sums("after")]
    nodes = [
        _constant(tensor),
        _node("Identity", "on", "still"),
        _node("Add", "before w", "after"),
    ]
    body = helper.make_graph(nodes, "body", given, made)
    once = [_array("once", 1, np.int64), _array("yes", True, np.bool_)]
    return _Parts([_node("Loop", "once yes four", "added", body=body)], once)


def _scan(tensor: TensorProto) -> _Parts:
    one = helper.make_tensor_value_info("one", _FLOAT, [4, "h", "w"])
    sums = helper.make_tensor_value_info("each", _FLOAT, [1, 4, "h", "w"])
    body: GraphProto = helper.make_graph(
        [_node("Add", "one w", "each")], "body", [one], [sums], [tensor]
    )
    scan = _node("Scan", "four", "stacked", body=body, num_scan_inputs=1)
    return _Parts(
        [scan, _node("Squeeze", "stacked axis", "added")], [_array("axis", [1], np.int64)]
    )


def _function(constant: NodeProto, defaults: Sequence[AttributeProto] = ()) -> _Parts:
    body = [constant, _node("Add", "x w", "y")]
    made = helper.make_function(
        "ours", "raised", ["x"], ["y"], body, [_OPSETS[0]], attribute_protos=defaults
    )
    return _Parts([_node("raised", "four", "added", domain="ours")], functions=[made])


def _default(tensor: TensorProto) -> _Parts:
    refer = AttributeProto(name="value", type=AttributeProto.TENSOR, ref_attr_name="held")
    constant = _node("Constant", "", "w")
    constant.attribute.append(refer)
    return _function(constant, [helper.make_attribute("held", tensor)])


def _sparse(values: TensorProto, places: TensorProto) -> SparseTensorProto:
    return helper.make_sparse_tensor(values, places, [1, 4, 1, 1])


def _sparse_values(tensor: TensorProto) -> _Parts:
    sparse = _sparse(tensor, numpy_helper.from_array(CHANNELS, "places"))
    return _Parts([_node("Add", "four w", "added")], sparse=[sparse])


def _sparse_places(tensor: TensorProto) -> _Parts:
    places = TensorProto()
    places.CopyFrom(tensor)
    places.name = "places"
    sparse = _sparse(numpy_helper.from_array(VALUES, "w"), places)
    return _Parts([_node("Add", "four w", "added")], sparse=[sparse])


def _sparse_attribute(tensor: TensorProto) -> _Parts:
    sparse = _sparse(tensor, numpy_helper.from_array(CHANNELS, "places"))
    return _Parts(
        [_node("Constant", "", "w", sparse_value=sparse), _node("Add", "four w", "added")]
    )


@dataclass(frozen=True)
class Home:
    """Where a weight stands: what builds the graph, and the weight's values and shape there."""

    parts: Callable[[TensorProto], _Parts]
    values: NDArray[Any]

    def graph(
        self,
        tensor: TensorProto,
        more: Sequence[TensorProto] = (),
        spare: Sequence[TensorProto] = (),
    ) -> ModelProto:
        """The model; weights in ``more``, [1, 4, 1, 1] each, are added as initializers. Nothing
        reads those in ``spare``."""
        found = self.parts(tensor)
        mean = _node("ReduceMean", "images", "mean", axes=[1], keepdims=1)
        nodes = [mean, _node("Concat", "mean mean mean mean", "four", axis=1), *found.nodes]
        last = "added"
        for number, weight in enumerate(more):
            nodes.append(_node("Add", f"{last} {weight.name}", f"with{number}"))
            last = f"with{number}"
        images = helper.make_tensor_value_info("images", _FLOAT, ["b", 3, "h", "w"])
        graph = helper.make_graph(
            [*nodes, _node("Identity", last, "sums")],
            "outside",
            [images],
            [_sums("sums")],
            [*found.initializers, *more, *spare],
            sparse_initializer=found.sparse,
        )
        return helper.make_model(
            graph, functions=found.functions, opset_imports=_OPSETS, ir_version=_IR_VERSION
        )


_DENSE = VALUES.reshape(1, 4, 1, 1)
HOMES = {
    "initializer": Home(_initializer, _DENSE),
    "attribute of a Constant": Home(_attribute, _DENSE),
    "initializer of a branch": Home(lambda tensor: _branch([], [tensor]), _DENSE),
    "Constant of a branch": Home(lambda tensor: _branch([_constant(tensor)], []), _DENSE),
    "Constant of a Loop": Home(_loop, _DENSE),
    "initializer of a Scan": Home(_scan, _DENSE),
    "Constant of a function": Home(lambda tensor: _function(_constant(tensor)), _DENSE),
    "default of a function's attribute": Home(_default, _DENSE),
    "values of a sparse initializer": Home(_sparse_values, VALUES),
    "places of a sparse initializer": Home(_sparse_places, CHANNELS),
    "values of a sparse attribute": Home(_sparse_attribute, VALUES),
}


def expected(images: NDArray[Any], more: Sequence[NDArray[Any]] = ()) -> NDArray[Any]:
    """What a graph with the values of further weights gives, by NumPy."""
    return np.asarray(images.mean(1, keepdims=True) + _DENSE + sum(more))
