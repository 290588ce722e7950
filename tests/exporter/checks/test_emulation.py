from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from onnx import TensorProto

from exporter.checks.emulation import emulated
from exporter.graph.passes import run_pass
from exporter.precisions._evidence import Evidence
from exporter.precisions._quantized import Quantized
from exporter.precisions._typed import Typed
from exporter.precisions._watched import quantized_values
from exporter.precisions.fp8 import FP8
from exporter.precisions.int8 import INT8
from exporter.registry import find_precision
from tests.exporter.small_nets import (
    Array,
    Chain,
    Net,
    array,
    chains,
    copied,
    pictures,
    producers,
    run,
    types,
)

DTYPES: Mapping[str, tuple[int, Any]] = {
    "fp16": (TensorProto.FLOAT16, np.float16),
    "bf16": (TensorProto.BFLOAT16, ml_dtypes.bfloat16),
}
STEPS: Mapping[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Mul": np.multiply,
    "Sub": np.subtract,
    "Max": np.maximum,
}


def mixing(random: np.random.Generator) -> Array:
    """A 1×1 convolution's weights [3, 3, 1, 1], two of a row not zero: a sum of two products comes
    out the same in any order, and those of narrow numbers are exact in float32."""
    weights = random.standard_normal((3, 3)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights.reshape(3, 3, 1, 1)


class Stepwise(Net):
    """A graph and, beside it, what NumPy makes of ``images`` when it rounds after each operator."""

    def __init__(self, steps: list[str], dtype: Any, images: Array, seed: int) -> None:
        super().__init__(seed)
        self._dtype = dtype
        value, rounded = self.mixed("images", self.rounded(images))
        earlier, earlier_rounded = value, rounded
        for kind in steps:
            before, before_rounded = value, rounded
            value = self.add(kind, value, earlier)
            rounded = self.rounded(STEPS[kind](rounded, earlier_rounded))
            earlier, earlier_rounded = before, before_rounded
        value, self.expected = self.mixed(value, rounded)
        self.proto = self.model({value: 4}, opset=22, ir=10)

    def rounded(self, values: Array) -> Array:
        found: Array = values.astype(self._dtype).astype(np.float32)
        return found

    def mixed(self, value: str, rounded: Array) -> tuple[str, Array]:
        weights = mixing(self.random)
        made = self.add("Conv", value, self.hold(weights))
        narrow = self.rounded(weights)[..., 0, 0]
        products = narrow[None, :, :, None, None] * rounded[:, None]
        total: Array = products.sum(axis=2, dtype=np.float32)
        return made, self.rounded(total)


@pytest.mark.parametrize("precision", sorted(DTYPES))
@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=5), seed=st.integers(0, 99))
def test_it_is_what_numpy_gives_when_each_result_is_rounded(
    precision: str, steps: list[str], seed: int
) -> None:
    data_type, dtype = DTYPES[precision]
    images = pictures(5, 6, batch=2)
    net = Stepwise(steps, dtype, images, seed)
    made = run_pass(Typed(precision, data_type, Evidence()), net.proto)
    assert_array_equal(run(emulated(made), images)[0], net.expected)


@settings(max_examples=10, deadline=None)
@given(net=chains())
def test_fp16_is_near_to_what_onnx_runtime_makes_of_the_file_itself(net: Chain) -> None:
    made = run_pass(Typed("fp16", TensorProto.FLOAT16, Evidence()), net.prepared("fp16", 13))
    images = pictures()
    (ours,), (theirs,) = run(emulated(made), images), run(made, images)
    assert_allclose(ours, theirs, atol=0.01 * np.abs(theirs).max())


@settings(max_examples=10, deadline=None)
@given(net=chains(), precision=st.sampled_from(sorted(DTYPES)))
def test_it_is_float32_but_for_the_roundings(net: Chain, precision: str) -> None:
    data_type, _ = DTYPES[precision]
    made = run_pass(Typed(precision, data_type, Evidence()), net.prepared(precision, 22))
    before = made.SerializeToString(deterministic=True)
    wide = emulated(made)
    assert made.SerializeToString(deterministic=True) == before
    onnx.checker.check_model(wide, full_check=True)
    found = types(wide)
    rounding = {n.output[0] for n in wide.graph.node if n.op_type == "Cast"}
    assert {name for name, kind in found.items() if kind == data_type} <= rounding
    assert [o.name for o in wide.graph.output] == [o.name for o in made.graph.output]


@pytest.mark.parametrize("precision", sorted(DTYPES))
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99))
def test_quantized_layers_between_others_are_what_numpy_gives(precision: str, seed: int) -> None:
    """Each result is rounded to 16 bits, that of a DequantizeLinear, too."""
    _, dtype = DTYPES[precision]
    images = pictures(5, 6, batch=2)
    net = Stepwise([], dtype, images, seed)
    first = net.nodes[0].output[0]
    middle = net.add("Conv", first, net.hold(mixing(net.random)))
    last = net.add("Conv", middle, net.hold(mixing(net.random)))
    model = net.model({last: 4}, opset=22, ir=10)
    layers = [node for node in model.graph.node if node.output[0] in (first, middle, last)]
    evidence = Evidence(
        thresholds={first: 1.5}, excluded=frozenset({layers[0].name}), weight_bits=8
    )
    name = f"int8+{precision}"
    made = run_pass(find_precision(name).make(evidence), copied(model))

    def round_(values: Array) -> Array:
        return np.asarray(values, np.float32).astype(dtype).astype(np.float32)

    def conv(values: Array, weights: Array) -> Array:
        products = weights[..., 0, 0][None, :, :, None, None] * values[:, None]
        return round_(products.sum(axis=2, dtype=np.float32))

    held = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    value = conv(round_(images), round_(held[layers[0].input[1]]))
    by_name = producers(made)
    dequantizer = by_name[by_name[middle].input[0]]
    scale = array(made, dequantizer.input[1]).astype(np.float32)
    value = round_(np.clip(np.rint(value / scale), -128, 127) * scale)
    stored, scales, _ = (array(made, n) for n in by_name[by_name[middle].input[1]].input)
    weights = stored.astype(np.float32) * scales.astype(np.float32).reshape(-1, 1, 1, 1)
    value = conv(conv(value, round_(weights)), round_(held[layers[2].input[1]]))
    assert_array_equal(run(emulated(made), images)[0], value)


def test_what_holds_no_16_bits_is_given_back_as_it_is() -> None:
    model = Chain(["leaky"]).prepared("fp8", 19)
    assert emulated(model) is model
    evidence = Evidence(thresholds=dict.fromkeys(quantized_values(model), 3.0))
    for grid in (INT8, FP8):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        quantized = run_pass(Quantized(grid, evidence), copy)
        assert emulated(quantized) is quantized


def test_what_overflows_in_16_bits_overflows_here() -> None:
    """ONNX Runtime, which computes in float32 throughout, does not show it."""
    net = Net()
    first = net.add("Conv", "images", net.hold(np.full((1, 3, 1, 1), 60_000.1)))
    last = net.add("Conv", first, net.hold(np.full((1, 1, 1, 1), 1e-4)))
    made = run_pass(Typed("fp16", TensorProto.FLOAT16, Evidence()), net.model({last: 4}))
    assert np.isinf(run(emulated(made), np.ones((1, 3, 4, 4), np.float32))[0]).all()
