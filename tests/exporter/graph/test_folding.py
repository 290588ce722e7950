from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from exporter.graph.folding import FoldBatchNorm
from exporter.graph.passes import run_pass

Array = NDArray[Any]
CHANNELS = 4


def graph(
    *, calls: int = 1, bias: bool = True, group: int = 1, epsilon: float = 1e-5, tap: bool = False
) -> onnx.ModelProto:
    """Convolution and BatchNorm, ``calls`` times over with the same weights; ``tap`` gives the
    first convolution's result as a further output."""
    random = np.random.default_rng(calls + group)
    weights: dict[str, Array] = {
        "kernel": random.standard_normal((CHANNELS, CHANNELS // group, 3, 3)),
        **({"bias": random.standard_normal(CHANNELS)} if bias else {}),
        **{name: random.standard_normal(CHANNELS) for name in ("scale", "shift", "mean")},
        "variance": random.uniform(0.5, 2, CHANNELS),
    }
    nodes, value = [], "x"
    for call in range(calls):
        inputs = [value, "kernel", *(["bias"] if bias else [])]
        nodes.append(helper.make_node("Conv", inputs, [f"c{call}"], pads=[1] * 4, group=group))
        norm = [f"c{call}", "scale", "shift", "mean", "variance"]
        nodes.append(helper.make_node("BatchNormalization", norm, [f"y{call}"], epsilon=epsilon))
        value = f"y{call}"
    shape: list[str | int | None] = ["batch", CHANNELS, "height", "width"]
    outputs = [value, *(["c0"] if tap else [])]
    made = helper.make_graph(
        nodes,
        "norms",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in outputs],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in weights.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)])


def run(model: onnx.ModelProto) -> list[Array]:
    images = np.random.default_rng(0).random((2, CHANNELS, 6, 5), dtype=np.float32)
    found = ReferenceEvaluator(model).run(None, {"x": images})
    assert isinstance(found, list)
    return found


def op_types(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@settings(max_examples=20, deadline=None)
@given(
    calls=st.integers(1, 3),
    bias=st.booleans(),
    group=st.sampled_from([1, 2, 4]),
    epsilon=st.sampled_from([1e-5, 1e-3, 0.1]),
)
def test_folding_changes_the_graph_and_no_number(
    calls: int, bias: bool, group: int, epsilon: float
) -> None:
    model = graph(calls=calls, bias=bias, group=group, epsilon=epsilon)
    expected = run(model)
    folded = run_pass(FoldBatchNorm(), model)
    onnx.checker.check_model(folded, full_check=True)
    assert op_types(folded) == ["Conv"] * calls
    assert len(folded.graph.initializer) == 2  # one kernel and one bias, for every call
    for ours, theirs in zip(run(folded), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_convolution_with_another_consumer_keeps_its_norm() -> None:
    model = graph(tap=True)
    expected = run(model)
    folded = run_pass(FoldBatchNorm(), model)
    assert op_types(folded) == ["Conv", "BatchNormalization"]
    np.testing.assert_array_equal(run(folded), expected)


@pytest.mark.parametrize("attribute", ["training_mode"])
def test_a_norm_in_training_is_left_alone(attribute: str) -> None:
    model = graph()
    model.graph.node[1].attribute.append(helper.make_attribute(attribute, 1))
    assert op_types(run_pass(FoldBatchNorm(), model)) == ["Conv", "BatchNormalization"]
