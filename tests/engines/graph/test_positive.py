"""Which tensors are nowhere below zero, and which of them are mixed with others."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from engines.graph.positive import kept_apart, positive_values

GRAPH = """
<ir_version: 10, opset_import: ["" : 20]>
net (float[1, 4, 8, 8] x) => (float[1, 4, 8, 8] last)
<float zero = {0}, float below = {-1}, float scale = {0.1}, int8 z = {0}>
{
    relu = Relu (x)
    gate = Sigmoid (x)
    clipped = Clip (x, zero)
    signed = Clip (x, below)
    gated = Mul (relu, gate)
    sum = Add (relu, clipped)
    other = Add (relu, x)
    mean = GlobalAveragePool (relu)
    q = QuantizeLinear (sum, scale, z)
    back = DequantizeLinear (q, scale, z)
    pooled = MaxPool <kernel_shape = [1, 1]> (back)
    alike = Concat <axis = 1> (pooled, gate)
    mixed = Concat <axis = 1> (gated, signed)
    last = Identity (other)
}
"""
POSITIVE = {
    *("relu", "gate", "clipped", "gated", "sum", "mean", "q", "back", "pooled", "alike"),
}


@pytest.fixture
def model() -> onnx.ModelProto:
    return onnx.parser.parse_model(GRAPH)


def test_what_operators_tell_is_never_below_zero(model: onnx.ModelProto) -> None:
    assert positive_values(model.graph) == POSITIVE
    names = sorted(POSITIVE - {"q"})
    for name in names:
        model.graph.output.add().name = name
    images = np.random.default_rng(0).normal(0, 9, (1, 4, 8, 8)).astype(np.float32)
    found: Any = ReferenceEvaluator(model).run(names, {"x": images})
    for name, values in zip(names, found, strict=True):
        assert values.min() >= 0, name


def test_what_a_concat_mixes_with_values_below_zero_is_not_apart(model: onnx.ModelProto) -> None:
    assert kept_apart(model.graph, POSITIVE) == POSITIVE - {"gated"}


def test_what_moves_on_into_such_a_concat_is_not_apart(model: onnx.ModelProto) -> None:
    (joined,) = (node for node in model.graph.node if node.output[0] == "mixed")
    joined.input[1] = "other"
    joined.input[0] = "pooled"
    apart = kept_apart(model.graph, positive_values(model.graph))
    assert apart == POSITIVE - {"sum", "q", "back", "pooled", "alike", "gate"}


def test_all_that_a_tensor_is_split_into_meets_what_one_part_meets() -> None:
    split = onnx.parser.parse_model("""
    <ir_version: 10, opset_import: ["" : 18]>
    net (float[1, 4, 8, 8] x) => (float[1, 2, 8, 8] apart, float[1, 6, 8, 8] mixed)
    {
        relu = Relu (x)
        left, right = Split <axis = 1, num_outputs = 2> (relu)
        apart = MaxPool <kernel_shape = [1, 1]> (left)
        mixed = Concat <axis = 1> (right, x)
    }
    """)
    positive = positive_values(split.graph)
    assert positive == {"relu", "left", "right", "apart"}
    assert kept_apart(split.graph, positive) == set()
