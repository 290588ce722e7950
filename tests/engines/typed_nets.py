"""The network of ``nets`` in other precisions: typed graphs, and Q/DQ around the convolutions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel
from tests.engines.nets import CARD, NAMES, weights

_TYPES = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
_QUANTA = {"int8": (TensorProto.INT8, 127.0), "fp8": (TensorProto.FLOAT8E4M3FN, 448.0)}
_LARGEST_WEIGHTS = {"int8": 63.0, "fp8": 448.0}
"""Of int8 in 7 bits: without VNNI, sums of products of more are clipped."""
_OPSETS = {"bf16": 22}
_HALF: dict[str, Any] = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
_RANGE = 6.0
"""What the activations stay below, roughly: noise of 0–1 through the weights of ``nets``."""


def write_typed_net(path: Path, precision: str, *, wide: int = 0) -> ExportedModel:
    """fp16 or bf16 within, FP32 without; the last ``wide`` convolutions are FP32, too."""
    made = _Nodes("images")
    for number in range(3):
        kind = _TYPES[precision] if number < 3 - wide else TensorProto.FLOAT
        made.cast(kind)
        made.initializers += [_typed(f"{letter}{number}", kind) for letter in "wb"]
        made.convolution(number, f"w{number}")
        made.activation(number)
    made.cast(TensorProto.FLOAT)
    return _saved(path, precision, made)


def write_quantized_net(path: Path, precision: str = "int8", *, wide: int = 0) -> ExportedModel:
    """Q/DQ on the input, the weights (per channel) and the output of each convolution but the last
    ``wide`` ones, and after each activation."""
    kind, top = _QUANTA[precision]
    made = _Nodes("images")
    for number in range(3):
        made.initializers.append(_typed(f"b{number}", TensorProto.FLOAT))
        if number >= 3 - wide:
            made.initializers.append(_typed(f"w{number}", TensorProto.FLOAT))
            made.convolution(number, f"w{number}")
            made.activation(number)
            continue
        made.quantized(kind, (1 if number == 0 else _RANGE) / top)
        made.weight(number, kind, _LARGEST_WEIGHTS[precision])
        made.convolution(number, f"w{number}")
        made.quantized(kind, _RANGE / top)
        made.activation(number)
    return _saved(path, precision, made)


class _Nodes:
    """Nodes one after another; ``last`` is what the latest of them gives."""

    def __init__(self, first: str) -> None:
        self.last = first
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def add(self, kind: str, *more: str, **attributes: Any) -> None:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.last, *more], [name], name, **attributes))
        self.last = name

    def cast(self, kind: int) -> None:
        self.add("Cast", to=kind)

    def convolution(self, number: int, weight: str) -> None:
        self.add("Conv", weight, f"b{number}", **(_HALF if number < 2 else {}))

    def activation(self, number: int) -> None:
        """Those of ``nets``: none behind the last."""
        if number == 0:
            self.add("Relu")
        elif number == 1:
            before = self.last
            self.add("Sigmoid")
            self.add("Mul", before)

    def quantized(self, kind: int, scale: float) -> None:
        given = [f"{self.last}_scale", f"{self.last}_zero"]
        self.initializers += [
            numpy_helper.from_array(np.array(scale, np.float32), given[0]),
            helper.make_tensor(given[1], kind, [], [0]),
        ]
        self.add("QuantizeLinear", *given)
        self.add("DequantizeLinear", *given)

    def weight(self, number: int, kind: int, top: float) -> None:
        name = f"w{number}"
        stored, scale = f"{name}_stored", f"{name}_scale"
        array = weights()[name]
        scales = np.abs(array).reshape(len(array), -1).max(axis=1) / top
        scaled = array / scales[:, None, None, None]
        values = np.round(scaled) if kind == TensorProto.INT8 else scaled
        self.initializers += [
            helper.make_tensor(stored, kind, array.shape, values.ravel().tolist()),
            numpy_helper.from_array(scales.astype(np.float32), scale),
        ]
        self.nodes.append(helper.make_node("DequantizeLinear", [stored, scale], [name], axis=0))


def _typed(name: str, kind: int) -> TensorProto:
    array = weights()[name]
    return helper.make_tensor(name, kind, array.shape, array.ravel().tolist())


def _saved(path: Path, precision: str, made: _Nodes) -> ExportedModel:
    rows = numpy_helper.from_array(np.array([0, 4, -1]), "rows")
    tail = [
        helper.make_node("Reshape", [made.last, "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["boxes"], perm=[0, 2, 1]),
    ]
    batch, height, width = NAMES
    graph = helper.make_graph(
        [*made.nodes, *tail],
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, height, width])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [batch, None, 4])],
        [*made.initializers, rows],
    )
    opset = _OPSETS.get(precision, 20)
    opsets = [helper.make_opsetid("", opset)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    write_card(proto, replace(CARD, precision=precision))
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)
    return read_model(path)
