"""Pairs that ONNX Runtime needs and our int8 files leave out, added without any data."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings

from engines.backends._quantized.carrying import add_pairs
from engines.backends._quantized.unsigned import make_unsigned
from exporter.graph.regions import Graph, label
from exporter.precisions._quantized import convolutions
from sizewise.core.onnxfiles.moving import moved_inputs
from sizewise.core.onnxfiles.ranges import LEAST_KEY, RANGES_KEY, read_least, read_ranges
from tests.exporter.precisions.test_quantized import quantized, seen
from tests.exporter.small_nets import Chain, Net, array, chains, copied, pictures, producers, run

ort = pytest.importorskip("onnxruntime")


def with_pairs(model: onnx.ModelProto) -> onnx.ModelProto:
    made = copied(model)
    add_pairs(made)
    onnx.checker.check_model(made, full_check=True)
    return made


def with_heads(parent: onnx.ModelProto) -> onnx.ModelProto:
    """All layers in 8 bits, as ONNX Runtime is given them."""
    labels = frozenset(label(node) for node in convolutions(Graph(parent)))
    made = with_pairs(quantized(parent, evidence=replace(seen(parent), heads=labels)))
    make_unsigned(made, read_least(made))
    return made


def optimised(model: onnx.ModelProto, path: Path) -> Counter[str]:
    """The operators that ONNX Runtime runs in its place."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(path).graph.node)


@settings(max_examples=25, deadline=None)
@given(net=chains())
def test_layers_and_what_moves_stand_between_pairs(net: Chain) -> None:
    parent = net.prepared("int8", 13)
    made = with_pairs(quantized(parent))
    readers: dict[str, set[str]] = {}
    for node in made.graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    by_name = producers(made)
    for name in set(net.layers) - set(net.heads):
        assert readers[name] <= {"QuantizeLinear", "Relu"}
    for node in made.graph.node:
        moved = [by_name[one] for one in moved_inputs(node) if one in by_name]
        if moved and all(one.op_type == "DequantizeLinear" for one in moved):
            assert readers[node.output[0]] == {"QuantizeLinear"}


@settings(max_examples=25, deadline=None)
@given(net=chains())
def test_what_is_added_behind_what_moves_rounds_nothing(net: Chain) -> None:
    file = quantized(net.prepared("int8", 13))
    (ranges,) = (one for one in file.metadata_props if one.key == RANGES_KEY)
    assert read_ranges(file)
    ranges.value = "{}"
    images = pictures()
    np.testing.assert_array_equal(run(with_pairs(file), images)[0], run(file, images)[0])


def test_the_range_of_a_layer_is_the_one_in_the_file() -> None:
    net = Chain(["conv", "leaky"])
    parent = net.prepared("int8", 13)
    made = with_pairs(quantized(parent))
    layer = net.layers[0]
    (quantizer,) = (n for n in made.graph.node if n.input[0] == layer)
    scale = float(array(made, quantizer.input[1]))
    assert scale * 127 == pytest.approx(seen(parent).thresholds[layer])


def test_all_between_the_layers_runs_in_8_bits(tmp_path: Path) -> None:
    net = Chain(["leaky", "concat", "resize", "conv", "leaky", "add", "pool"])
    made = with_heads(net.prepared("int8", 13))
    found = optimised(made, tmp_path / "optimised.onnx")
    assert found["QLinearConv"] == len(net.layers)
    assert found["Conv"] + found["FusedConv"] == 0
    assert found["Concat"] == 1  # the decode's
    assert found["QLinearConcat"] == found["QLinearAdd"] == 1
    assert found["LeakyRelu"] == 0


def test_a_relu_is_part_of_the_quantization(tmp_path: Path) -> None:
    net = Net()
    first = net.add("Relu", net.conv("images", (8, 3, 3, 3)))
    second = net.add("Relu", net.conv(first))
    made = with_heads(net.model({net.add("Tanh", net.conv(second, (6, 8, 1, 1))): 4}))
    found = optimised(made, tmp_path / "optimised.onnx")
    assert found["QLinearConv"] == 3
    assert found["Conv"] == found["Relu"] == 0


def test_a_head_whose_output_is_the_graph_s_runs_in_8_bits(tmp_path: Path) -> None:
    net = Net()
    first = net.conv("images", (8, 3, 3, 3))
    head = net.conv(net.add("LeakyRelu", first, alpha=0.1), (6, 8, 1, 1))
    parent = net.model({head: 4})
    made = with_heads(parent)
    found = optimised(made, tmp_path / "optimised.onnx")
    assert (found["QLinearConv"], found["Conv"]) == (2, 0)
    assert [output.name for output in made.graph.output] == [head]
    (expected,), (given,) = run(parent, pictures()), run(made, pictures())
    assert np.abs(given - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize(("zero", "pairs"), [("z", 3), ("other", 2)])
def test_what_a_concat_joins_by_other_zero_points_is_not_moved_by_one(
    zero: str, pairs: int
) -> None:
    """As files of others have it: the numbers stand for other values then."""
    file = onnx.parser.parse_model(f"""
    <ir_version: 8, opset_import: ["" : 13]>
    net (float[1, 4, 8, 8] x) => (float[1, 8, 8, 8] y)
    <float s = {{0.1}}, int8 z = {{0}}, int8 other = {{-128}}>
    {{
        a = QuantizeLinear (x, s, z)
        b = DequantizeLinear (a, s, z)
        t = Neg (x)
        c = QuantizeLinear (t, s, {zero})
        d = DequantizeLinear (c, s, {zero})
        e = Concat <axis = 1> (b, d)
        y = Neg (e)
    }}
    """)
    made = with_pairs(file)
    assert sum(node.op_type == "QuantizeLinear" for node in made.graph.node) == pairs
    images = np.random.default_rng(0).normal(0, 4, (1, 4, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(made, images)[0], run(file, images)[0])


def test_a_layer_of_zeros_has_a_scale() -> None:
    net = Chain(["conv", "leaky"])
    file = quantized(net.prepared("int8", 13))
    (ranges,) = (one for one in file.metadata_props if one.key == RANGES_KEY)
    ranges.value = json.dumps(dict.fromkeys(read_ranges(file), 0.0))
    made = with_pairs(file)
    (quantizer,) = (n for n in made.graph.node if n.input[0] == net.layers[1])
    assert array(made, quantizer.input[1]) == np.float32(1e-12)


@pytest.mark.parametrize("text", ["", "{", '{"a": "b"}', '{"a": -1.0, "b": 1e999}', "[1]"])
def test_ranges_that_can_t_be_read_are_none(text: str) -> None:
    proto = onnx.ModelProto()
    proto.metadata_props.add(key=RANGES_KEY, value=text)
    assert read_ranges(proto) == {}


@settings(max_examples=25, deadline=None)
@given(net=chains())
def test_what_moves_has_one_scale_and_one_zero_point_in_uint8(net: Chain) -> None:
    made = with_pairs(quantized(net.prepared("int8", 13)))
    make_unsigned(made, read_least(made))
    by_name = producers(made)
    quantized_as = {
        node.input[0]: tuple(float(array(made, name)) for name in node.input[1:])
        for node in made.graph.node
        if node.op_type == "QuantizeLinear"
    }
    for node in made.graph.node:
        givers = [by_name.get(name) for name in moved_inputs(node)]
        if not givers or any(one is None or one.op_type != "DequantizeLinear" for one in givers):
            continue
        before = {tuple(float(array(made, n)) for n in one.input[1:]) for one in givers if one}
        behind = {quantized_as[name] for name in node.output if name in quantized_as}
        assert len(before) == 1
        assert behind <= before


@pytest.mark.parametrize("text", ["{", '{"a": "b"}', '{"a": 1}', '{"a": NaN}', "[]"])
def test_smallest_values_that_can_t_be_read_are_none(text: str) -> None:
    proto = onnx.ModelProto()
    proto.metadata_props.add(key=LEAST_KEY, value=text)
    assert read_least(proto) == {}
