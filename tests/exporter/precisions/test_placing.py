"""Where a graph is quantized: behind activations, once, and through what only moves values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings

from exporter.graph.passes import run_pass
from exporter.graph.regions import Graph
from exporter.precisions._placing import Placement
from exporter.precisions._prepare import Prepare
from exporter.precisions._quantized import convolutions
from sizewise.core.onnxfiles.moving import moved_inputs
from tests.exporter.precisions.test_quantized import quantized, seen
from tests.exporter.small_nets import Chain, Net, chains, producers

CHANNELS = 8


def placed(net: Net, outputs: Iterable[str], ranges: dict[str, float] | None = None) -> Placement:
    graph = Graph(net.model(dict.fromkeys(outputs, 4)))
    return Placement(graph, [node.output[0] for node in convolutions(graph)], ranges)


def quantizers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    """By what they quantize."""
    return {node.input[0]: node for node in model.graph.node if node.op_type == "QuantizeLinear"}


@settings(max_examples=40, deadline=None)
@given(net=chains())
def test_what_a_layer_reads_was_quantized_and_then_only_moved(net: Chain) -> None:
    made = quantized(net.prepared("int8", 13))
    by_name = producers(made)
    layers = set(net.layers) - set(net.heads)
    for name in layers:
        left = [by_name[name].input[0]]
        while left:
            node = by_name[left.pop()]
            moved = moved_inputs(node)
            assert moved or node.op_type == "DequantizeLinear", node.op_type
            left += moved
    found = [node.input[0] for node in made.graph.node if node.op_type == "QuantizeLinear"]
    assert len(found) == len(set(found))
    moving = {name for node in made.graph.node if moved_inputs(node) for name in node.output}
    assert not moving.intersection(found)


@pytest.mark.parametrize("kind", ["LeakyRelu", "Relu", "Sigmoid", "HardSwish"])
def test_a_tensor_is_quantized_behind_its_activation(kind: str) -> None:
    net = Net()
    first = net.conv("images", (CHANNELS, 3, 3, 3))
    active = net.add(kind, first)
    last = net.conv(net.conv(active))
    assert set(placed(net, [last]).sources) == {"images", active, net.layers[1]}


def silu(net: Net, value: str) -> str:
    return net.add("Mul", value, net.add("Sigmoid", value))


def mish(net: Net, value: str) -> str:
    return net.add("Mul", value, net.add("Tanh", net.add("Softplus", value)))


def constant_first(net: Net, value: str) -> str:
    return net.add("Mul", net.add("Sigmoid", net.add("Mul", net.hold([1.702]), value)), value)


def hard_swish(net: Net, value: str) -> str:
    ends = net.hold(np.array(0.0)), net.hold(np.array(6.0))
    return net.add("Mul", value, net.add("Clip", net.add("Add", net.hold([3.0]), value), *ends))


@pytest.mark.parametrize("activation", [silu, mish, constant_first, hard_swish])
def test_an_activation_of_several_operators_is_one(activation: object) -> None:
    net = Net()
    first = net.conv("images", (CHANNELS, 3, 3, 3))
    active = activation(net, first)  # type: ignore[operator]
    last = net.conv(net.conv(active))
    assert set(placed(net, [last]).sources) == {"images", active, net.layers[1]}


@pytest.mark.parametrize("activation", [lambda net, one: net.add("Relu", one), silu])
def test_both_sides_of_a_sum_are_quantized_that_an_activation_reads(activation: object) -> None:
    """As in ResNet."""
    net = Net()
    first = net.add("Relu", net.conv("images", (CHANNELS, 3, 3, 3)))
    second = net.conv(first)
    added = net.add("Add", second, first)
    active = activation(net, added)  # type: ignore[operator]
    last = net.conv(net.conv(active))
    found = placed(net, [last]).sources
    assert {first, second, active}.issubset(found)
    assert added not in found


def test_both_sides_of_a_sum_and_of_a_gate_are_quantized() -> None:
    net = Net()
    first = net.add("Relu", net.conv("images", (CHANNELS, 3, 3, 3)))
    second = net.add("Relu", net.conv(first))
    added = net.add("Add", first, second)
    pooled = net.add("GlobalAveragePool", added)
    gate = net.add("Sigmoid", net.conv(pooled, (CHANNELS, CHANNELS, 1, 1)))
    gated = net.add("Mul", added, gate)
    last = net.conv(net.conv(gated))
    found = placed(net, [last])
    assert {first, second, added, gate, gated}.issubset(found.sources)


def test_what_moves_has_the_scale_of_what_it_moves() -> None:
    net = Net()
    first = net.add("Relu", net.conv("images", (CHANNELS, 3, 3, 3)))
    second = net.add("LeakyRelu", net.conv(first))
    pooled = net.add("MaxPool", second, kernel_shape=[3, 3], pads=[1] * 4)
    both = net.add("Concat", pooled, first, axis=1)
    last = net.conv(net.conv(both, (CHANNELS, 2 * CHANNELS, 1, 1)))
    ranges = dict.fromkeys(("images", first, second, pooled, both, *net.layers), 2.0)
    found = placed(net, [last], ranges | {first: 3.0, both: 3.0})
    assert {pooled, both}.isdisjoint(found.sources)
    reach = found.reach()
    assert {reach[name] for name in (first, second, pooled, both)} == {3.0}
    assert reach["images"] == 2.0


def test_inputs_of_a_concatenation_that_are_unlike_keep_their_scales() -> None:
    net = Net()
    first = net.add("Relu", net.conv("images", (CHANNELS, 3, 3, 3)))
    second = net.add("LeakyRelu", net.conv(first))
    both = net.add("Concat", second, first, axis=1)
    last = net.conv(net.conv(both, (CHANNELS, 2 * CHANNELS, 1, 1)))
    ranges = dict.fromkeys(("images", second, *net.layers), 1.0) | {first: 9.0, both: 9.0}
    found = placed(net, [last], ranges)
    assert both in found.sources
    assert second not in found.visited
    assert found.reach()[first] == 9.0


def test_a_resize_between_pixels_computes_and_to_the_nearest_moves() -> None:
    for mode, moves in (("nearest", True), ("linear", False)):
        net = Net()
        first = net.add("Relu", net.conv("images", (CHANNELS, 3, 3, 3)))
        scales = net.hold([1.0, 1, 2, 2])
        larger = net.add("Resize", first, net.hold([0.0] * 0), scales, mode=mode)
        last = net.conv(net.conv(larger))
        assert (larger in placed(net, [last]).sources) != moves


def test_layers_that_stay_in_float32_read_what_others_read() -> None:
    """What gives it would have to give it twice, and run in float32."""
    net = Chain(["conv", "leaky", "conv"])
    parent = net.prepared("int8", 13)
    stays, sibling = net.layers[2], net.layers[3]
    labels = frozenset({producers(parent)[stays].name})
    made = quantized(parent, evidence=replace(seen(parent), excluded=labels))
    by_name = producers(made)
    assert by_name[stays].input[1] not in by_name
    readers = [node.op_type for node in made.graph.node if net.layers[1] in node.input]
    assert sibling in by_name
    assert "Conv" not in readers


def test_inputs_of_a_chain_of_concatenations_are_alike_over_all_of_it() -> None:
    """Each is four times the one before: the first would keep two of its eight bits."""
    net = Net()
    value = net.add("Relu", net.conv("images", (CHANNELS, 3, 3, 3)))
    ranges, joined = {"images": 1.0, value: 1.0}, value
    for step in range(1, 4):
        channels = CHANNELS * step
        active = net.add("Relu", net.conv(joined, (CHANNELS, channels, 3, 3)))
        joined = net.add("Concat", joined, active, axis=1)
        ranges |= {active: 4.0**step, joined: 4.0**step}
    last = net.conv(net.conv(joined, (CHANNELS, 4 * CHANNELS, 1, 1)))
    found = placed(net, [last], ranges | dict.fromkeys(net.layers, 1.0))
    reach = found.reach()
    for name in found.visited:
        assert reach[name] <= 8 * ranges.get(name, 1.0)
    assert joined not in found.sources


def test_a_part_of_a_much_larger_tensor_shares_no_scale_with_another() -> None:
    net = Net()
    first = net.add("Relu", net.conv("images", (CHANNELS, 3, 3, 3)))
    ends = [net.hold(np.array([one])) for one in (0, 4, 1)]
    small = net.add("Slice", first, *ends)
    other = net.add("Sigmoid", net.conv(first))
    both = net.add("Concat", small, other, axis=1)
    last = net.conv(net.conv(both, (CHANNELS, CHANNELS + 4, 1, 1)))
    ranges = dict.fromkeys(("images", small, other, both, *net.layers), 1.0) | {first: 100.0}
    found = placed(net, [last], ranges)
    assert small in found.sources
    assert found.reach()[other] == 1.0


@pytest.mark.parametrize(
    ("mode", "value", "moves"),
    [
        *(("constant", None, True), ("constant", 0.0, True), ("constant", 1.0, False)),
        *(("reflect", None, True), ("edge", None, True)),
    ],
)
def test_a_border_of_zeros_and_of_values_moves(mode: str, value: float | None, moves: bool) -> None:
    net = Net()
    first = net.add("LeakyRelu", net.conv("images", (CHANNELS, 3, 3, 3)))
    borders = net.hold(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    more = [] if value is None else [net.hold(np.array(float(value)))]
    larger = net.add("Pad", first, borders, *more, mode=mode)
    last = net.conv(net.conv(larger))
    prepared = run_pass(Prepare("int8", 13), net.model({last: 4}))
    graph = Graph(prepared)
    found = Placement(graph, [node.output[0] for node in convolutions(graph)])
    assert (larger in found.sources) != moves


def test_a_resize_that_writes_values_of_its_own_computes() -> None:
    mode = "tf_crop_and_resize"
    node = onnx.helper.make_node("Resize", ["x"], ["y"], coordinate_transformation_mode=mode)
    assert not moved_inputs(node)
