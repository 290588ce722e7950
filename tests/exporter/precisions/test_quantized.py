from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from onnx.reference import ReferenceEvaluator

from engines.backends._quantized.carrying import add_pairs
from engines.backends._quantized.unsigned import make_unsigned
from exporter.calibration.observe import observe
from exporter.graph.passes import run_pass
from exporter.precisions._evidence import Evidence
from exporter.precisions._quantized import Grid, Quantized
from exporter.precisions._watched import quantized_values
from exporter.precisions.fp8 import FP8
from exporter.precisions.int8 import INT8
from sizewise.core.errors import ExportError
from sizewise.core.specs import Size
from tests.exporter.small_nets import (
    Array,
    Chain,
    Net,
    array,
    chains,
    copied,
    parsed,
    pictures,
    producers,
    run,
    types,
    unread,
)

GRIDS = {"int8": INT8, "fp8": FP8}
OPSETS = {"int8": 13, "fp8": 19}
STORED: Mapping[str, Any] = {"int8": np.int8, "fp8": ml_dtypes.float8_e4m3fn}
QDQ = ("QuantizeLinear", "DequantizeLinear")
grids = st.sampled_from(sorted(GRIDS))


def seen(model: onnx.ModelProto) -> Evidence:
    """On two pictures."""
    batches = [(Size(*shape), pictures(*shape)) for shape in ((32, 48), (64, 32))]
    found = observe(model, quantized_values(model), lambda: batches, histograms=False)
    return Evidence(
        thresholds={name: one.absmax for name, one in found.items()},
        least={name: one.least for name, one in found.items()},
    )


def quantized(
    model: onnx.ModelProto, grid: Grid = INT8, evidence: Evidence | None = None
) -> onnx.ModelProto:
    return run_pass(Quantized(grid, evidence or seen(model)), copied(model))


def is_quantized(made: onnx.ModelProto, layer: str) -> bool:
    """By its weights."""
    conv = producers(made)[layer]
    return conv.input[1] in producers(made)


def stored_weights(made: onnx.ModelProto, layer: str) -> tuple[Array, Array, Array]:
    """As stored, their scales and zero points."""
    by_name = producers(made)
    dequantizer = by_name[by_name[layer].input[1]]
    assert dequantizer.op_type == "DequantizeLinear"
    assert [a.i for a in dequantizer.attribute if a.name == "axis"] == [0]
    weights, scales, zeros = (array(made, name) for name in dequantizer.input)
    return weights, scales, zeros


def test_a_shifted_bias_fits_into_32_bits_and_one_that_is_computed_stays() -> None:
    chain = Chain(["conv"])
    model = chain.prepared("int8", 13)
    first, second = chain.layers[:2]
    producers(model)[second].input[2] = computed = "computed"
    held = producers(model)[first].input[2]
    model.graph.node.insert(0, onnx.helper.make_node("Neg", [held], [computed]))
    shifts = {first: np.full(8, 2e6), second: np.ones(8)}
    plain, made = seen(model), quantized(model, evidence=replace(seen(model), shifts=shifts))
    bias = array(made, producers(made)[first].input[2])
    assert_allclose(bias, array(model, held) + 2e6, rtol=1e-6)
    assert producers(made)[second].input[2] == computed
    _, scales, _ = stored_weights(made, first)
    unit = plain.thresholds[producers(model)[first].input[0]] / 127 * scales
    assert np.abs(bias / unit).max() <= 2**29 * (1 + 1e-6)


@settings(max_examples=40, deadline=None)
@given(net=chains(), grid=grids, bits=st.sampled_from([7, 8]))
def test_weights_are_the_nearest_of_their_channel_s_scale(net: Chain, grid: str, bits: int) -> None:
    parent = net.prepared(grid, OPSETS[grid])
    made = quantized(parent, GRIDS[grid], replace(seen(parent), weight_bits=bits))
    onnx.checker.check_model(made, full_check=True)
    largest = 448 if grid == "fp8" else {7: 63, 8: 127}[bits]
    for layer in set(net.layers) - set(net.heads):
        weights = array(parent, producers(parent)[layer].input[1])
        stored, scales, zeros = stored_weights(made, layer)
        assert {stored.dtype, zeros.dtype} == {np.dtype(STORED[grid])}
        assert scales.shape == zeros.shape == (len(weights),)
        assert not zeros.astype(np.float32).any()
        values = stored.astype(np.float64)
        assert np.abs(values).reshape(len(values), -1).max(axis=1).tolist() == [largest] * len(
            values
        )
        shaped = scales.astype(np.float64).reshape(-1, 1, 1, 1)
        step = shaped if grid == "int8" else shaped * np.maximum(np.abs(values), 2**-6) / 8
        assert (np.abs(weights - values * shaped) <= 0.5001 * step).all()


@settings(max_examples=40, deadline=None)
@given(net=chains(), grid=grids)
def test_activations_have_one_scale_and_no_zero_point(net: Chain, grid: str) -> None:
    parent = net.prepared(grid, OPSETS[grid])
    evidence = seen(parent)
    made = quantized(parent, GRIDS[grid], evidence)
    quantizers = [n for n in made.graph.node if n.op_type == "QuantizeLinear"]
    assert max(Counter(n.input[0] for n in quantizers).values()) == 1
    for node in quantizers:
        scale, zero = array(made, node.input[1]), array(made, node.input[2])
        assert scale.shape == zero.shape == ()
        assert zero.dtype == STORED[grid]
        assert float(zero) == 0
        largest = {"int8": 127, "fp8": 448}[grid]
        reach = evidence.thresholds[node.input[0]]
        assert scale * largest >= reach * (1 - 1e-6)
        assert scale * largest in [pytest.approx(one) for one in evidence.thresholds.values()]
    assert not unread(made)


@settings(max_examples=40, deadline=None)
@given(net=chains(), grid=grids, data=st.data())
def test_heads_and_kept_layers_and_the_decode_are_left_alone(
    net: Chain, grid: str, data: st.DataObject
) -> None:
    inner = [name for name in net.layers if name not in net.heads]
    excluded = data.draw(st.sets(st.sampled_from(inner), max_size=len(inner) - 1))
    parent = net.prepared(grid, OPSETS[grid])
    labels = frozenset(producers(parent)[name].name for name in excluded)
    made = quantized(parent, GRIDS[grid], replace(seen(parent), excluded=labels))
    for name in net.layers:
        assert is_quantized(made, name) == (name in inner and name not in excluded)
    before, after = producers(parent), producers(made)
    behind = [name for name in net.wide if before[name].op_type in ("Reshape", "Mul", "Concat")]
    assert [after[name] for name in behind] == [before[name] for name in behind]
    assert {types(made)[name] for name in net.wide} == {onnx.TensorProto.FLOAT}


@settings(max_examples=6, deadline=None)
@given(net=chains())
def test_onnx_s_own_interpreter_computes_what_onnx_runtime_does(net: Chain) -> None:
    made = quantized(net.prepared("int8", 19))
    images = pictures(16, 32)
    (ours,) = run(made, images)
    found = ReferenceEvaluator(made).run(None, {"images": images})
    assert isinstance(found, list)
    # A sum in another order may fall to the other side of half a step, here and there.
    assert np.mean(np.abs(ours - found[0]) > 1e-3 * np.abs(ours).max()) < 0.05


@settings(max_examples=10, deadline=None)
@given(net=chains(), grid=grids)
def test_the_network_computes_about_the_same(net: Chain, grid: str) -> None:
    parent = net.prepared(grid, OPSETS[grid])
    images = pictures(32, 48)
    (ours,), (theirs,) = run(quantized(parent, GRIDS[grid]), images), run(parent, images)
    assert np.abs(ours - theirs).mean() < 0.05 * np.abs(theirs).max()


@pytest.mark.parametrize("parts", [["leaky", "conv", "norm"], ["conv", "add", "pool", "depthwise"]])
def test_onnx_runtime_computes_its_convolutions_in_8_bits(parts: list[str], tmp_path: Any) -> None:
    net = Chain(parts)
    made = quantized(net.prepared("int8", 13))
    add_pairs(made)
    make_unsigned(made)
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = Counter(n.op_type for n in onnx.load(tmp_path / "optimised.onnx").graph.node)
    assert kinds["QLinearConv"] == len(net.layers) - len(net.heads)


def test_a_weight_of_two_layers_is_held_once() -> None:
    net = Net()
    first = net.conv("images", (3, 3, 3, 3))
    second = net.add("Conv", first, *net.nodes[0].input[1:], pads=[1] * 4)
    last = net.conv(second, (3, 3, 1, 1))
    made = quantized(net.model({last: 4}))
    by_name = producers(made)
    assert by_name[first].input[1] == by_name[second].input[1]
    assert (
        sum(tensor.data_type == onnx.TensorProto.INT8 for tensor in made.graph.initializer)
        == (
            1 + 2  # the weights' zero points, and those of the images and of what the second reads
        )
        + 1
    )


def test_a_weight_that_something_else_reads_stays_beside() -> None:
    net = Net()
    made = net.conv("images", (3, 3, 3, 3))
    weight = net.nodes[0].input[1]
    sums = net.add("Add", net.conv(made, (3, 3, 1, 1)), net.add("ReduceMax", weight))
    model = net.model({sums: 4})
    proto = quantized(model)
    assert_allclose(run(proto, pictures())[0], run(model, pictures())[0], atol=0.3)
    assert weight in {tensor.name for tensor in proto.graph.initializer}


def test_an_output_of_the_graph_that_is_a_layer_s_is_not_rounded_for_others() -> None:
    """No library could compute it in 8 bits, so that nothing would be won."""
    net = Net()
    first = net.conv("images", (8, 3, 3, 3))
    active = net.add("LeakyRelu", first)
    second = net.conv(active)
    made = quantized(net.model({first: 4, net.conv(second, (6, 8, 1, 1)): 4}))
    onnx.checker.check_model(made, full_check=True)
    assert made.graph.output[0].name == first
    assert producers(made)[first].op_type == "Conv"
    assert producers(made)[active].input[0] == first
    assert is_quantized(made, first)
    assert len(run(made, pictures())) == 2


def test_what_a_branch_reads_is_left_as_it_was() -> None:
    planes = "float[1, 3, h, w]"
    model = parsed(
        f"""({planes} images) => ({planes} z)
        <float[3, 3, 1, 1] k = {{0.5, 0.1, 0.2, 0.1, 0.4, 0.3, 0.1, 0.2, 0.7}}, bool c = {{1}}> {{
            a = Conv (images, k)
            b = If (c) <then_branch = yes () => ({planes} v) {{ v = Neg (a) }},
                        else_branch = no () => ({planes} u) {{ u = Abs (a) }}>
            s = Add (a, b)
            d = Conv (s, k)
            z = Conv (d, k)
        }}""",
        opset=17,
        ir=8,
    )
    made = quantized(model)
    onnx.checker.check_model(made, full_check=True)
    assert is_quantized(made, "d")
    assert_allclose(run(made, pictures())[0], run(model, pictures())[0], atol=0.05)


def test_a_dead_channel_and_a_dead_tensor_have_a_scale() -> None:
    net = Net()
    first = net.conv("images", (8, 3, 3, 3))
    (weights,) = (tensor for tensor in net.constants if tensor.name == net.nodes[0].input[1])
    values = onnx.numpy_helper.to_array(weights).copy()
    values[2] = 0
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    last = net.conv(net.add("Mul", net.add("Relu", first), net.hold([0.0])), (8, 8, 1, 1))
    model = net.model({net.conv(last, (4, 8, 1, 1)): 4})
    made = quantized(model)
    stored, scales, _ = stored_weights(made, first)
    assert not stored[2].any()
    assert (scales > 0).all()
    assert_allclose(run(made, pictures())[0], run(model, pictures())[0], atol=0.05)


def test_the_expectation_of_a_distribution_is_no_layer() -> None:
    """DFL: a convolution by 0, 1, 2, … after a softmax."""
    net = Net()
    features = net.conv("images", (8, 3, 3, 3))
    head = net.conv(features, (16, 8, 1, 1))
    shares = net.add("Softmax", head, axis=1)
    steps = net.hold(np.arange(16, dtype=np.float32).reshape(1, 16, 1, 1))
    expected = net.add("Conv", shares, steps)
    made = quantized(net.model({expected: 4}))
    assert [is_quantized(made, name) for name in (features, head, expected)] == [True, False, False]


def test_a_network_with_nothing_to_quantize_is_refused() -> None:
    net = Net()
    model = net.model({net.conv("images", (8, 3, 3, 3)): 4})
    with pytest.raises(ExportError, match="no convolution with constant weights comes before"):
        quantized(model, evidence=Evidence())


def test_keeping_every_layer_is_refused() -> None:
    net = Chain([])
    excluded = frozenset(producers(net.proto)[name].name for name in net.layers)
    with pytest.raises(ExportError, match=r"every convolution is excluded, .*\. Exclude fewer"):
        quantized(net.proto, evidence=replace(seen(net.proto), excluded=excluded))


@pytest.mark.parametrize("grid", sorted(GRIDS))
def test_what_is_quantized_already_is_refused(grid: str) -> None:
    made = quantized(Chain([]).prepared(grid, OPSETS[grid]), GRIDS[grid])
    with pytest.raises(ExportError, match=r"its graph is .* already"):
        quantized(made, evidence=Evidence())


def test_a_bias_fits_into_32_bits_whatever_the_weights() -> None:
    """As of channels that BatchNorm has switched off: a scale of their weights alone would be so
    small that a library cuts the bias off."""
    net = Chain(["leaky"], opset=13).prepared("int8", 13)
    evidence = seen(net)
    for node in net.graph.node:
        if node.op_type != "Conv" or len(node.input) < 3:
            continue
        for tensor in net.graph.initializer:
            if tensor.name == node.input[1]:
                weights = onnx.numpy_helper.to_array(tensor).copy()
                weights[0] *= 1e-14
                tensor.CopyFrom(onnx.numpy_helper.from_array(weights, tensor.name))
    made = quantized(net, INT8, evidence)
    by_name = producers(made)
    for node in made.graph.node:
        if node.op_type != "Conv" or not is_quantized(made, node.output[0]) or len(node.input) < 3:
            continue
        activation = array(made, by_name[node.input[0]].input[1])
        _, scales, _ = stored_weights(made, node.output[0])
        assert (np.abs(array(made, node.input[2])) / (activation * scales) < 2**31 - 1).all()


@pytest.mark.parametrize("order", [1, -1])
def test_biases_of_all_layers_that_share_weights_fit_into_32_bits(order: int) -> None:
    """The second reads values a thousandth as large, or the first does."""
    net = Net()
    made = net.add("Relu", net.conv("images", (8, 3, 3, 3)))
    reach = [1.0, 1e-3][::order]
    first = net.conv(net.add("Mul", made, net.hold(reach[:1])))
    weights = next(one for one in net.constants if one.name == net.nodes[-1].input[1])
    values = onnx.numpy_helper.to_array(weights).copy()
    values[0] *= 1e-12
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    again = net.add("Mul", net.add("Sigmoid", first), net.hold(reach[1:]))
    second = net.conv(again)
    net.nodes[-1].input[1] = weights.name
    model = quantized(net.model({net.conv(second, (6, 8, 1, 1)): 4}))
    by_name = producers(model)
    for layer in (first, second):
        activation = array(model, by_name[by_name[layer].input[0]].input[1])
        _, scales, _ = stored_weights(model, layer)
        bias = array(model, by_name[layer].input[2])
        assert (np.abs(bias) / (activation * scales) < 2**31 - 1).all()


@pytest.mark.parametrize("grid", GRIDS)
def test_convolutions_of_pooled_values_stay_in_float32(grid: str) -> None:
    """As in a gate by squeeze and excitation: its product with the features is in 8 bits."""
    net = Net()
    features = net.add("Relu", net.conv("images", (8, 3, 3, 3)))
    squeezed = net.add("Relu", net.conv(net.add("GlobalAveragePool", features), (8, 8, 1, 1)))
    gate = net.add("HardSigmoid", net.conv(squeezed, (8, 8, 1, 1)))
    inner = net.conv(net.add("Relu", net.add("Mul", features, gate)))
    model = net.model({net.conv(inner): 4}, opset=OPSETS[grid])
    made = quantized(model, GRIDS[grid])
    stem, squeeze, excite, inner, _ = net.layers
    assert [is_quantized(made, one) for one in (stem, squeeze, excite, inner)] == [
        *(True, False, False, True)
    ]
