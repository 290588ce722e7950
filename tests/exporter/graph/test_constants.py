from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from exporter.graph.constants import drop_unused, hoist_constants
from tests.exporter.small_nets import Net, parsed, pictures, run


def test_however_a_constant_is_written_it_becomes_an_initializer() -> None:
    model = parsed(
        """(float[n, 3, h, w] images) => (float[n, 3, h, w] y) {
        a = Constant <value = float[1] {0.5}> ()
        b = Constant <value_float = 2.0> ()
        c = Constant <value_floats = [1.0, 2.0, 3.0]> ()
        d = Constant <value_int = 1> ()
        e = Constant <value_ints = [1, 3, 1, 1]> ()
        shaped = Reshape (c, e)
        one = Cast <to = 1> (d)
        f = Add (images, a)  g = Mul (f, b)  h = Add (g, shaped)  y = Sub (h, one)
        }"""
    )
    (expected,) = run(model, pictures())
    hoist_constants(model)
    onnx.checker.check_model(model, full_check=True)
    assert {tensor.name for tensor in model.graph.initializer} == set("abcde")
    assert "Constant" not in {node.op_type for node in model.graph.node}
    assert (run(model, pictures())[0] == expected).all()


def test_a_text_stays_as_it_is() -> None:
    model = parsed("(float[n] x) => (float[n] y) { y = Relu (x) }")
    model.graph.node.append(helper.make_node("Constant", [], ["t"], value_string="said"))
    hoist_constants(model)
    assert [node.op_type for node in model.graph.node] == ["Relu", "Constant"]


def test_initializers_that_were_inputs_are_constants() -> None:
    net = Net()
    model = net.model({net.conv("images", (4, 3, 3, 3)): 4}, opset=8, ir=3)
    for tensor in model.graph.initializer:
        model.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    (expected,) = run(model, pictures())
    hoist_constants(model)
    assert [value.name for value in model.graph.input] == ["images"]
    onnx.checker.check_model(model, full_check=True)
    assert (run(model, pictures())[0] == expected).all()


def test_what_a_branch_or_nobody_but_the_graph_reads_is_kept() -> None:
    model = parsed(
        """(float[n] x) => (float[n] y, float[1] k) <bool c = {1}, float inner = {3.0},
            float[1] k = {1.0}, float idle = {2.0}> {
        y = If (c) <then_branch = yes () => (float[n] v) { v = Add (x, inner) },
                    else_branch = no () => (float[n] u) { u = Abs (x) }>
        }"""
    )
    drop_unused(model.graph)
    assert {tensor.name for tensor in model.graph.initializer} == {"c", "inner", "k"}


def test_a_constant_of_a_branch_stays_in_it() -> None:
    model = parsed(
        """(float[n] x) => (float[n] y) <bool c = {1}> {
        y = If (c) <then_branch = yes () => (float[n] v) {
                k = Constant <value_float = 2.0> ()  v = Add (x, k) },
            else_branch = no () => (float[n] u) { u = Abs (x) }>
        }"""
    )
    before = model.SerializeToString(deterministic=True)
    assert hoist_constants(model).SerializeToString(deterministic=True) == before


def test_values_are_kept_to_the_bit() -> None:
    values = np.array([np.pi, -0.0, 1e-40, 3e38], np.float32)
    node = helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(values, "other"))
    model = parsed("(float[4] x) => (float[4] y) { y = Add (x, k) }")
    model.graph.node.insert(0, node)
    hoist_constants(model)
    (tensor,) = model.graph.initializer
    assert numpy_helper.to_array(tensor).tobytes() == values.tobytes()
