from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from exporter.graph.passes import run_pass
from exporter.precisions._evidence import Evidence
from exporter.precisions._typed import Typed
from sizewise.core.errors import ExportError
from tests.exporter.small_nets import (
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

FLOAT = onnx.TensorProto.FLOAT
TYPES = {"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}
OPSETS = {"fp16": 13, "bf16": 22}
NOTHING = Evidence()
KERNEL = "float[3, 3, 1, 1] k = {0.5, 0.1, 0.2, 0.1, 0.4, 0.3, 0.1, 0.2, 0.7}"
PLANES = "float[1, 3, h, w]"


def typed(model: onnx.ModelProto, precision: str, evidence: Evidence = NOTHING) -> onnx.ModelProto:
    return run_pass(Typed(precision, TYPES[precision], evidence), copied(model))


def prepared(net: Chain, precision: str) -> onnx.ModelProto:
    return net.prepared(precision, OPSETS[precision])


def casts(model: onnx.ModelProto) -> list[tuple[str, int]]:
    return [(n.input[0], n.attribute[0].i) for n in model.graph.node if n.op_type == "Cast"]


def agrees(made: onnx.ModelProto, parent: onnx.ModelProto, tolerance: float = 2e-3) -> None:
    """In ONNX Runtime, on the small values of the graphs below."""
    images = pictures()
    for ours, theirs in zip(run(made, images), run(parent, images), strict=True):
        assert ours.dtype == np.float32
        assert_allclose(ours, theirs, atol=tolerance)


@settings(max_examples=60, deadline=None)
@given(net=chains(), precision=st.sampled_from(sorted(TYPES)), data=st.data())
def test_layers_are_typed_and_only_what_may_be(
    net: Chain, precision: str, data: st.DataObject
) -> None:
    excluded = data.draw(st.sets(st.sampled_from(net.layers), max_size=len(net.layers) - 1))
    parent = prepared(net, precision)
    labels = frozenset(producers(parent)[name].name for name in excluded)
    made = typed(parent, precision, Evidence(excluded=labels))
    onnx.checker.check_model(made, full_check=True)
    found = types(made)
    for name in net.layers:
        assert found[name] == (FLOAT if name in excluded else TYPES[precision])
    assert {found[name] for name in net.wide} == {FLOAT}
    assert {found[end.name] for end in (*made.graph.input, *made.graph.output)} == {FLOAT}


@settings(max_examples=40, deadline=None)
@given(net=chains(), precision=st.sampled_from(sorted(TYPES)))
def test_nothing_is_cast_twice_or_in_vain(net: Chain, precision: str) -> None:
    made = typed(prepared(net, precision), precision)
    asked = casts(made)
    assert len(asked) == len(set(asked))
    cast = {node.output[0] for node in made.graph.node if node.op_type == "Cast"}
    assert not cast.intersection(source for source, _ in asked)
    assert not unread(made)


@settings(max_examples=10, deadline=None)
@given(net=chains())
def test_a_file_in_fp16_runs_in_onnx_runtime_and_is_near_its_parent(net: Chain) -> None:
    made = typed(prepared(net, "fp16"), "fp16")
    for size in ((32, 32), (64, 32)):
        images = pictures(*size)
        (theirs,) = run(net.proto, images)
        for optimised in (False, True):
            (ours,) = run(made, images, optimised=optimised)
            assert_allclose(ours, theirs, atol=0.02 * np.abs(theirs).max())


def test_bfloat16_convolutions_are_valid_from_opset_22_and_not_below() -> None:
    made = typed(prepared(Chain(["leaky", "conv"]), "bf16"), "bf16")
    onnx.checker.check_model(made, full_check=True)
    made.opset_import[0].version = 21
    with pytest.raises((onnx.checker.ValidationError, onnx.shape_inference.InferenceError)):
        onnx.checker.check_model(made, full_check=True)


def test_bfloat16_below_opset_22_finds_no_layer_that_takes_it() -> None:
    with pytest.raises(ExportError, match=r"converted to bf16: all of its .* Use it in fp32\.$"):
        typed(Chain(["conv"], opset=21).proto, "bf16")


@pytest.mark.parametrize("value", [20_000.0, 1e30])
def test_what_comes_near_the_end_stays_in_float32_with_all_that_touches_it(value: float) -> None:
    net = Chain(["conv", "leaky", "conv", "conv"])
    _, first, second, third, *rest = net.layers
    made = typed(net.proto, "fp16", Evidence(absmax=dict.fromkeys(net.layers, 1.0)))
    assert types(made)[second] == TYPES["fp16"]
    evidence = Evidence(absmax=dict.fromkeys(net.layers, 1.0) | {second: value})
    found = types(typed(net.proto, "fp16", evidence))
    assert {found[second], found[third]} == {FLOAT}
    assert {found[name] for name in (first, *rest)} == {TYPES["fp16"]}


def test_a_layer_that_is_given_more_stays_in_float32() -> None:
    net = Chain(["conv", "conv"])
    first, second, *_ = net.layers
    given = producers(net.proto)[first].input[0]
    found = types(typed(net.proto, "fp16", Evidence(absmax={given: 70_000.0})))
    assert [found[first], found[second]] == [FLOAT, TYPES["fp16"]]


def test_weights_beyond_the_end_stay_in_float32() -> None:
    net = Chain(["conv", "conv"])
    weights = producers(net.proto)[net.layers[1]].input[1]
    (held,) = (tensor for tensor in net.proto.graph.initializer if tensor.name == weights)
    values = onnx.numpy_helper.to_array(held).copy()
    values[0, 0, 0, 0] = 70_000
    held.CopyFrom(onnx.numpy_helper.from_array(values, weights))
    found = types(typed(net.proto, "fp16"))
    assert [found[name] == FLOAT for name in net.layers[:3]] == [False, True, False]
    wide = typed(prepared(net, "bf16"), "bf16")
    assert types(wide)[net.layers[1]] == TYPES["bf16"]


def test_a_network_that_overflows_throughout_is_refused() -> None:
    net = Chain(["conv", "leaky"])
    evidence = Evidence(absmax=dict.fromkeys(producers(net.proto), 3e6))
    said = r"layers must stay in float32: values reach 3e\+06, the largest of fp16 is 6.55e\+04"
    with pytest.raises(ExportError, match=said):
        typed(net.proto, "fp16", evidence)
    assert types(typed(prepared(net, "bf16"), "bf16", evidence))[net.layers[0]] == TYPES["bf16"]


@pytest.mark.parametrize("precision", sorted(TYPES))
def test_what_is_in_16_bits_already_is_refused(precision: str) -> None:
    made = typed(prepared(Chain([]), precision), precision)
    numpy_name = {"fp16": "float16", "bf16": "bfloat16"}[precision]
    with pytest.raises(ExportError, match=f"its graph is {numpy_name} already"):
        typed(made, "fp16")


def test_what_is_quantized_already_is_refused() -> None:
    model = parsed(
        "(float[n, 3] images) => (float[n, 3] y) <float s = {0.1}, int8 z = {0}> "
        "{ q = QuantizeLinear (images, s, z)  y = DequantizeLinear (q, s, z) }"
    )
    with pytest.raises(ExportError, match="its graph is quantized already"):
        typed(model, "fp16")


def test_a_network_without_layers_is_refused() -> None:
    model = parsed("(float[n, 3] images) => (float[n, 3] y) { y = Relu (images) }")
    with pytest.raises(ExportError, match="0 layers"):
        typed(model, "fp16")


def test_weights_are_rounded_to_the_nearest() -> None:
    net = Chain(["conv"])
    name = producers(net.proto)[net.layers[1]].input[1]
    made = typed(net.proto, "fp16")
    stored = array(made, producers(made)[net.layers[1]].input[1])
    assert stored.dtype == np.float16
    assert (stored == array(net.proto, name).astype(np.float16)).all()


def test_coordinates_stay_in_float32_and_what_they_look_at_does_not() -> None:
    net = Net()
    features = net.conv("images", (8, 3, 3, 3))
    offsets = net.conv(features, (2, 8, 1, 1))
    bounded = net.add("Tanh", offsets)
    where = net.add("Transpose", bounded, perm=[0, 2, 3, 1])
    seen = net.add("GridSample", features, where)
    made = typed(net.model({net.conv(seen): 4}, opset=20), "fp16")
    onnx.checker.check_model(made, full_check=True)
    found = types(made)
    assert found[bounded] == found[where] == FLOAT
    assert found[features] == found[offsets] == found[seen] == TYPES["fp16"]


def test_the_scales_of_a_resize_stay_as_they_are() -> None:
    made = typed(Chain(["resize"]).proto, "fp16")
    (resize,) = (node for node in made.graph.node if node.op_type == "Resize")
    found = types(made)
    assert (found[resize.input[0]], found[resize.input[2]]) == (TYPES["fp16"], FLOAT)


def test_an_output_that_is_read_inside_as_well() -> None:
    parent = parsed(
        f"({PLANES} images) => ({PLANES} a, {PLANES} z, {PLANES} s) <{KERNEL}> "
        "{ a = Conv (images, k)  b = Relu (a)  z = Conv (b, k)  s = Softmax (a) }"
    )
    made = typed(parent, "fp16")
    onnx.checker.check_model(made, full_check=True)
    assert [output.name for output in made.graph.output] == ["a", "z", "s"]
    assert len(casts(made)) == len(set(casts(made))) == 3  # the images, and a and z back
    agrees(made, parent)


LOOP = f"""({PLANES} images) => ({PLANES} z) <{KERNEL}, int64 n = {{2}}, bool c = {{1}}> {{
    a = Conv (images, k)
    b = Loop (n, c, a) <body = body (int64 i, bool go, {PLANES} v) => (bool on, {PLANES} more)
        {{ on = Identity (go)  more = Relu (v) }}>
    z = Conv (b, k)
}}"""
BRANCHES = f"""({PLANES} images) => ({PLANES} z) <{KERNEL}, bool c = {{1}}> {{
    a = Conv (images, k)
    r = Relu (a)
    b = If (c) <then_branch = yes () => ({PLANES} v) {{ v = Neg (r) }},
                else_branch = no () => ({PLANES} u) {{ u = Conv (r, k) }}>
    s = Add (b, r)
    z = Conv (s, k)
}}"""


@pytest.mark.parametrize("text", [LOOP, BRANCHES])
def test_a_loop_and_a_branch_get_what_they_are_written_for(text: str) -> None:
    parent = parsed(text, opset=20)
    made = typed(parent, "fp16")
    onnx.checker.check_model(made, full_check=True)
    assert types(made)["a"] == TYPES["fp16"]
    agrees(made, parent)


@pytest.mark.parametrize(
    "between",
    [
        "b = Cast <to = 1> (a)",
        "d = Cast <to = 11> (a)  b = Cast <to = 1> (d)",
        "d = Cast <to = 11> (a)  e = Cast <to = 1> (d)  f = Cast <to = 1> (e)  b = Relu (f)",
    ],
)
def test_casts_of_another_exporter_are_in_vain_too(between: str) -> None:
    """They write casts to float32 of what is float32, and ways through float64 and back."""
    parent = parsed(
        f"({PLANES} images) => ({PLANES} z) <{KERNEL}> "
        f"{{ a = Conv (images, k)  {between}  z = Conv (b, k) }}"
    )
    made = typed(parent, "fp16")
    assert casts(made) == [("images", TYPES["fp16"]), ("z.fp16", FLOAT)]
    agrees(made, parent)


def test_a_cast_that_rounds_is_not_in_vain() -> None:
    parent = parsed(
        f"({PLANES} images) => ({PLANES} z) <{KERNEL}> {{ a = Conv (images, k) "
        "b = Cast <to = 6> (a)  c = Cast <to = 1> (b)  z = Conv (c, k) }"
    )
    assert [to for _, to in casts(typed(parent, "fp16"))].count(6) == 1


def test_an_output_that_was_a_cast_in_vain_keeps_its_name() -> None:
    parent = parsed(
        f"({PLANES} images) => ({PLANES} z, {PLANES} y) <{KERNEL}> "
        "{ a = Conv (images, k)  z = Relu (a)  y = Cast <to = 1> (z) }"
    )
    made = typed(parent, "fp16")
    assert [output.name for output in made.graph.output] == ["z", "y"]
    agrees(made, parent)


def test_an_operator_of_nobody_s_is_told() -> None:
    model = parsed(
        f"({PLANES} images) => ({PLANES} z) <{KERNEL}> {{ a = Conv (images, k) z = my.Own (a) }}"
    )
    model.opset_import.append(onnx.helper.make_opsetid("my", 1))
    model.graph.node[1].output[0] = "y"
    model.graph.node.append(onnx.helper.make_node("Conv", ["y", "k"], ["z"]))
    with pytest.raises(ExportError, match=r"the type of y \(Own\) is unknown"):
        typed(model, "fp16")


def test_a_constant_that_would_vanish_keeps_its_node_in_fp32() -> None:
    """What keeps a divisor from zero: 1e-8 is nothing in fp16."""
    parent = parsed(
        f"({PLANES} images) => ({PLANES} z) <{KERNEL}, float e = {{1e-08}}> "
        "{ a = Conv (images, k)  b = Relu (a)  c = Add (b, e)  d = Div (b, c)  z = Conv (d, k) }"
    )
    made = typed(parent, "fp16")
    kinds = {n.op_type: n for n in made.graph.node}
    assert kinds["Add"].input[1] == "e"
    agrees(made, parent)


def test_a_bias_that_the_type_holds_as_0_is_no_divisor() -> None:
    net = Net()
    first = net.conv("images", (8, 3, 3, 3))
    second = net.conv(net.add("Relu", first))
    (bias,) = (one for one in net.constants if one.name == net.nodes[-1].input[2])
    values = onnx.numpy_helper.to_array(bias).copy()
    values[2] = 1e-12
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    made = typed(net.model({net.conv(second, (6, 8, 1, 1)): 4}), "fp16")
    assert types(made)[second] == TYPES["fp16"]
