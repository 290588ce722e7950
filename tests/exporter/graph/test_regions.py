from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings

from exporter.graph.regions import Graph, label
from tests.exporter.small_nets import Chain, Net, chains, parsed

CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
"""From centres and sides to corners, as detectors multiply their boxes by."""


def first_outputs(nodes: list[onnx.NodeProto]) -> list[str]:
    return [node.output[0] for node in nodes]


@settings(max_examples=40, deadline=None)
@given(net=chains())
def test_layers_and_heads_are_those_that_were_built(net: Chain) -> None:
    graph = Graph(net.prepared("fp16", 13))
    assert first_outputs(graph.layers()) == net.layers
    assert first_outputs(graph.heads()) == net.heads
    assert graph.inner() == set(net.layers) - set(net.heads)


@settings(max_examples=40, deadline=None)
@given(net=chains())
def test_the_trunk_is_from_the_first_layer_to_the_heads(net: Chain) -> None:
    model = net.prepared("fp16", 13)
    trunk = Graph(model).trunk()
    assert set(net.layers) <= trunk
    first, last = net.layers[0], net.heads[-1]
    order = first_outputs(list(model.graph.node))
    assert all(order.index(first) <= order.index(name) <= order.index(last) for name in trunk)
    decode = [name for name in net.wide if not name.startswith("softmax")]
    assert not trunk.intersection(decode)


def test_what_depends_on_the_size_alone_is_not_of_the_trunk() -> None:
    net = Net()
    features = net.conv("images", (8, 3, 3, 3))
    shape = net.add("Shape", features)
    as_floats = net.add("Cast", shape, to=onnx.TensorProto.FLOAT)
    side = net.add("Gather", as_floats, net.hold(np.array([3])))
    scaled = net.add("Div", features, side)
    model = net.model({net.conv(scaled): 4})
    trunk = Graph(model).trunk()
    assert scaled in trunk
    assert not trunk.intersection({shape, as_floats, side})


def test_a_decode_by_whole_numbers_or_halves_is_no_layer() -> None:
    net = Net()
    head = net.conv(net.conv("images", (8, 3, 3, 3)), (4, 8, 1, 1))
    flat = net.add("Reshape", head, net.hold(np.array([0, 4, -1])))
    rows = net.add("Transpose", flat, perm=[0, 2, 1])
    boxes = net.add("MatMul", rows, net.hold(CORNERS))
    graph = Graph(net.model({boxes: 3}))
    assert first_outputs(graph.heads()) == [head]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("w = Transpose <perm = [0, 1, 2, 3]> (k)  y = Conv (images, w)", []),
        ("y = MatMul (images, images)", []),
        ("y = ConvTranspose (images, k)", ["y"]),
        ("a = Conv (images, k)  y = Conv (images, a)", ["a"]),
    ],
)
def test_a_layer_holds_constant_weights(text: str, layers: list[str]) -> None:
    model = parsed(
        "(float[1, 3, h, h] images) => (float[1, 3, h, h] y) "
        "<float[3, 3, 1, 1] k = {0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3}> { " + text + " }"
    )
    assert first_outputs(Graph(model).layers()) == layers


def test_weights_are_looked_at_to_the_last() -> None:
    """The first hundred may be whole numbers by chance: those of a pruned layer are zero."""
    net = Net()
    weights = np.zeros((8, 3, 3, 3), np.float32)
    weights[-1, -1, -1, -1] = 0.3
    made = net.add("Conv", "images", net.hold(weights), pads=[1] * 4)
    assert first_outputs(Graph(net.model({made: 4})).layers()) == [made]


def test_a_node_without_a_name_goes_by_its_output() -> None:
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    assert label(node) == "y"
    node.name = "act"
    assert label(node) == "act"


def test_tensors_that_a_nested_branch_reads_are_captured() -> None:
    model = parsed(
        """(float[n] images) => (float[n] y) <bool c = {1}> {
        a = Relu (images)
        y = If (c) <then_branch = yes () => (float[n] v) {
                v = If (c) <then_branch = p () => (float[n] s) { s = Neg (a) },
                            else_branch = q () => (float[n] t) { t = Abs (images) }> },
            else_branch = no () => (float[n] u) { u = Abs (images) }>
        }"""
    )
    assert {"a", "images", "c"} <= Graph(model).captured()
    assert "y" not in Graph(model).captured()


def test_what_is_computed_of_means_of_maps_is_pooled_until_it_is_spread() -> None:
    net = Net()
    features = net.conv("images", (8, 3, 3, 3))
    mean = net.add("GlobalAveragePool", features)
    squeezed = net.add("Relu", net.conv(mean, (8, 8, 1, 1)))
    gate = net.add("Sigmoid", net.conv(squeezed, (8, 8, 1, 1)))
    gated = net.add("Mul", features, gate)
    other = net.add("ReduceMean", gated, axes=[-1, -2], keepdims=1)
    rows = net.add("ReduceMean", gated, axes=[1, 3], keepdims=1)
    spread = net.add("Resize", other, net.hold(np.zeros(0)), net.hold([1.0, 1, 8, 8]))
    head = net.conv(spread)
    pooled = Graph(net.model({head: 4, rows: 4})).pooled()
    first, *gates, _ = net.layers
    assert pooled == {mean, squeezed, gate, other, *gates}
    assert first not in pooled
