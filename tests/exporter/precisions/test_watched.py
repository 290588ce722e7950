from __future__ import annotations

import onnx
from hypothesis import given, settings

from exporter.precisions._watched import layer_values, quantized_values
from tests.exporter.small_nets import Chain, Net, chains, types


@settings(max_examples=30, deadline=None)
@given(net=chains())
def test_what_is_watched_lies_before_or_after_a_layer_up_to_the_heads(net: Chain) -> None:
    model = net.prepared("fp16", 13)
    watched = layer_values(model)
    softmaxes = {node.output[0] for node in model.graph.node if node.op_type == "Softmax"}
    assert set(net.layers) <= set(watched)
    entering, *behind = net.wide
    assert entering in watched
    assert not set(watched).intersection(set(behind) - softmaxes)
    assert {types(model)[name] for name in watched} == {onnx.TensorProto.FLOAT}


@settings(max_examples=30, deadline=None)
@given(net=chains())
def test_of_convolutions_both_ends_are_watched(net: Chain) -> None:
    model = net.prepared("int8", 13)
    layers = [n for n in model.graph.node if n.output[0] in net.layers]
    watched = quantized_values(model)
    assert {name for n in layers for name in (n.input[0], n.output[0])} <= set(watched)
    assert len(watched) == len(set(watched))


def test_whole_numbers_are_not_watched() -> None:
    """The second output of a MaxPool holds positions."""
    net = Net()
    pooled = net.conv("images", (8, 3, 3, 3))
    node = onnx.helper.make_node("MaxPool", [pooled], ["most", "where"], kernel_shape=[2, 2])
    net.nodes.append(node)
    model = net.model({net.conv("most"): 4})
    assert layer_values(model) == ["images", pooled, "most", net.layers[-1]]
