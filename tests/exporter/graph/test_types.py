from __future__ import annotations

import onnx
import pytest
from onnx import helper

from exporter.graph.types import demand_fp32, float_types, is_quantized, tensor_types
from sizewise.core.errors import ExportError
from tests.exporter.small_nets import Chain, parsed

HALF = helper.make_node(
    "Constant", [], ["h"], value=helper.make_tensor("h", onnx.TensorProto.FLOAT16, [1], [1.0])
)
INNER = """(float[n, 3] images) => (float[n, 3] y) <bool c = {{1}}, float s = {{0.1}},
    int8 z = {{0}}> {{
    y = If (c) <then_branch = yes () => (float[n, 3] v) {{ {then} }},
                else_branch = no () => (float[n, 3] u) {{ u = Abs (images) }}>
}}"""


def test_the_types_of_inputs_outputs_and_constants_count() -> None:
    model = parsed(
        "(float[n, 3] images) => (double[n, 3] y) <int64 i = {1}> { y = Cast <to = 11> (images) }"
    )
    model.graph.node.insert(0, HALF)
    assert float_types(model) == {"float32", "float64", "float16"}


def test_what_a_branch_holds_counts_too() -> None:
    then = "q = QuantizeLinear (images, s, z)  v = DequantizeLinear (q, s, z)"
    assert is_quantized(parsed(INNER.format(then=then)))
    assert not is_quantized(parsed(INNER.format(then="v = Neg (images)")))
    halved = parsed(INNER.format(then="w = Cast <to = 1> (h)  v = Mul (images, w)"))
    halved.graph.node[0].attribute[0].g.node.insert(0, HALF)
    with pytest.raises(ExportError, match="its graph is float16 already"):
        demand_fp32(halved, "fp16")


def test_every_tensor_has_a_type() -> None:
    model = Chain(["resize", "norm"]).proto
    found = tensor_types(model)
    assert {name for node in model.graph.node for name in node.output} <= set(found)
    assert set(found.values()) == {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}


def test_a_tensor_whose_type_nothing_tells_is_named() -> None:
    model = parsed(
        "(float[n, 3] images) => (float[n, 3] y) { a = Nonsense (images)  y = Relu (a) }"
    )
    with pytest.raises(ExportError, match=r"the type of a \(Nonsense\) is unknown"):
        tensor_types(model)
