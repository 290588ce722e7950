"""The network of ``nets`` in other precisions: typed graphs, and Q/DQ around the convolutions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sizewise.onnxfile import read_model, write_card
from sizewise.specs import ExportedModel
from tests.engines.nets import CARD, NAMES, weights

_TYPES = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
_QUANTA = {"int8": (TensorProto.INT8, 127.0), "fp8": (TensorProto.FLOAT8E4M3FN, 448.0)}
_OPSETS = {"bf16": 22}
_HALF: dict[str, Any] = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
_RANGE = 6.0
"""What the activations stay below, roughly: noise of 0–1 through the weights of ``nets``."""


def write_typed_net(path: Path, precision: str, *, wide: int = 0) -> ExportedModel:
    """fp16 or bf16 within, FP32 without; the last ``wide`` convolutions are FP32, too."""
    to, narrow = _TYPES[precision], 3 - wide
    nodes: list[NodeProto] = [helper.make_node("Cast", ["images"], ["x0"], to=to)]
    initializers = []
    for number in range(3):
        kind = to if number < narrow else TensorProto.FLOAT
        if number == narrow:
            nodes.append(helper.make_node("Cast", [f"x{number}"], ["back"], to=kind))
        source = "back" if number == narrow else f"x{number}"
        initializers += [_typed(f"{letter}{number}", kind) for letter in "wb"]
        nodes += _convolution(number, source, f"w{number}", f"x{number + 1}", f"b{number}")
    if not wide:
        nodes.append(helper.make_node("Cast", ["x3"], ["back"], to=TensorProto.FLOAT))
    return _saved(path, precision, nodes, initializers, "back" if not wide else "x3")


def write_quantized_net(path: Path, precision: str = "int8", *, wide: int = 0) -> ExportedModel:
    """Q/DQ on the input, the weights (per channel) and the output of each convolution but the last
    ``wide`` ones."""
    kind, top = _QUANTA[precision]
    nodes: list[NodeProto] = []
    initializers: list[TensorProto] = []
    source = "images"
    for number in range(3):
        name, narrow = f"w{number}", number < 3 - wide
        initializers.append(_typed(f"b{number}", TensorProto.FLOAT))
        if not narrow:
            initializers.append(_typed(name, TensorProto.FLOAT))
            nodes += _convolution(number, source, name, f"x{number + 1}", f"b{number}")
            source = f"x{number + 1}"
            continue
        array = weights()[name]
        initializers += _quantized_weight(array, name, kind, top)
        if number == 0:
            nodes += _quantized("images", "images_dq", 1 / top, kind, initializers)
            source = "images_dq"
        nodes.append(
            helper.make_node("DequantizeLinear", [f"{name}_q", f"{name}_s"], [name], axis=0)
        )
        made = f"x{number + 1}"
        nodes += _convolution(number, source, name, made, f"b{number}")
        nodes += _quantized(made, f"{made}_dq", _RANGE / top, kind, initializers)
        source = f"{made}_dq"
    return _saved(path, precision, nodes, initializers, source)


def _convolution(number: int, source: str, weight: str, made: str, bias: str) -> list[NodeProto]:
    attributes = _HALF if number < 2 else {}
    name = f"conv{number}"
    return [helper.make_node("Conv", [source, weight, bias], [made], name=name, **attributes)]


def _quantized(
    source: str, made: str, scale: float, kind: int, initializers: list[TensorProto]
) -> list[NodeProto]:
    initializers += [
        numpy_helper.from_array(np.array(scale, np.float32), f"{source}_s"),
        helper.make_tensor(f"{source}_z", kind, [], [0]),
    ]
    given = [f"{source}_s", f"{source}_z"]
    return [
        helper.make_node("QuantizeLinear", [source, *given], [f"{source}_q"]),
        helper.make_node("DequantizeLinear", [f"{source}_q", *given], [made]),
    ]


def _quantized_weight(array: Any, name: str, kind: int, top: float) -> list[TensorProto]:
    scales = np.abs(array).reshape(len(array), -1).max(axis=1) / top
    scaled = array / scales[:, None, None, None]
    values = np.round(scaled) if kind == TensorProto.INT8 else scaled
    return [
        helper.make_tensor(f"{name}_q", kind, array.shape, values.ravel().tolist()),
        numpy_helper.from_array(scales.astype(np.float32), f"{name}_s"),
    ]


def _typed(name: str, kind: int) -> TensorProto:
    array = weights()[name]
    return helper.make_tensor(name, kind, array.shape, array.ravel().tolist())


def _saved(
    path: Path, precision: str, nodes: list[NodeProto], initializers: list[TensorProto], last: str
) -> ExportedModel:
    rows = numpy_helper.from_array(np.array([0, 4, -1]), "rows")
    tail = [
        helper.make_node("Reshape", [last, "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["boxes"], perm=[0, 2, 1]),
    ]
    batch, height, width = NAMES
    graph = helper.make_graph(
        [*nodes, *tail],
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, height, width])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [batch, None, 4])],
        [*initializers, rows],
    )
    proto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSETS.get(precision, 20))], ir_version=10
    )
    write_card(proto, replace(CARD, precision=precision))
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)
    return read_model(path)
