from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from onnx import helper

from exporter.graph.opsets import opset_of
from exporter.graph.passes import run_pass
from exporter.precisions._prepare import Prepare
from sizewise.core.errors import ExportError
from tests.exporter.small_nets import Chain, Net, chains, copied, pictures, run


def as_old_exporters_write(model: onnx.ModelProto) -> onnx.ModelProto:
    """Opset 12; every other constant a node, the others inputs as well."""
    made = copied(model)
    made.opset_import[0].version = 12
    held = list(made.graph.initializer)
    del made.graph.initializer[:]
    for place, tensor in enumerate(held):
        if place % 2:
            node = helper.make_node("Constant", [], [tensor.name], value=tensor)
            made.graph.node.insert(0, node)
        else:
            made.graph.initializer.append(tensor)
            made.graph.input.append(
                helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
    return made


@settings(max_examples=15, deadline=None)
@given(net=chains(), opset=st.sampled_from([13, 19, 22]), ir=st.sampled_from([3, 7]))
def test_a_network_of_an_older_exporter_computes_the_same(net: Chain, opset: int, ir: int) -> None:
    old = as_old_exporters_write(net.proto)
    old.ir_version = ir
    made = run_pass(Prepare("int8", opset), copied(old))
    onnx.checker.check_model(made, full_check=True)
    assert opset_of(made) == opset
    assert not {"Constant", "BatchNormalization"}.intersection(n.op_type for n in made.graph.node)
    assert [value.name for value in made.graph.input] == ["images"]
    images = pictures()
    assert_allclose(run(made, images)[0], run(old, images)[0], rtol=1e-3, atol=1e-2)


def test_a_model_that_is_not_in_float32_is_refused_by_the_precision_s_name() -> None:
    model = Chain([]).proto
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    with pytest.raises(ExportError, match="converted to int8: its graph is float16 already"):
        run_pass(Prepare("int8", 13), model)


def test_stated_shapes_go_since_a_type_may_change() -> None:
    model = onnx.shape_inference.infer_shapes(Chain([]).proto)
    assert model.graph.value_info
    assert not run_pass(Prepare("fp16", 13), model).graph.value_info


def test_constants_that_the_converter_writes_are_initializers_too() -> None:
    """An operator's axes were an attribute once and are an input now."""
    net = Net()
    wider = net.add("Unsqueeze", net.conv("images", (8, 3, 3, 3)), axes=[0])
    model = net.model({net.add("ReduceSum", wider, axes=[0], keepdims=0): 4}, opset=12)
    made = run_pass(Prepare("fp16", 13), copied(model))
    assert {n.op_type for n in made.graph.node} == {"Conv", "Unsqueeze", "ReduceSum"}
    assert_allclose(run(made, pictures())[0], run(model, pictures())[0], rtol=1e-5)


@pytest.mark.parametrize("opset", [11, 17])
def test_functions_are_inlined(opset: int) -> None:
    """Precisions look for layers in the graph alone, and a newer opset would lose functions."""
    net = Net()
    weights, bias = net.hold(np.ones((3, 3, 1, 1)) / 3), net.hold([0.1, 0.2, 0.3])
    made = net.add("Block", "images", weights, bias, domain="own")
    model = net.model({net.add("Block", made, weights, bias, domain="own"): 4}, opset=opset)
    block = helper.make_function(
        "own",
        "Block",
        ["x", "w", "b"],
        ["y"],
        [helper.make_node("Conv", ["x", "w", "b"], ["c"]), helper.make_node("Relu", ["c"], ["y"])],
        [helper.make_opsetid("", opset)],
    )
    model.functions.append(block)
    model.opset_import.append(helper.make_opsetid("own", 1))
    onnx.helper.set_model_props(model, {"key": "value"})
    prepared = run_pass(Prepare("int8", 13), copied(model))
    assert [node.op_type for node in prepared.graph.node] == ["Conv", "Relu"] * 2
    assert prepared.graph.node[0].input[1] == weights
    assert [(one.key, one.value) for one in prepared.metadata_props] == [("key", "value")]
    assert_allclose(run(prepared, pictures())[0], run(model, pictures())[0], rtol=1e-5)
