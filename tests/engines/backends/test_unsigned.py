"""Activations moved from int8 to uint8 are the same numbers, and then run in int8 everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from engines.backends._ort.sessions import open_session, session_options
from engines.backends._quantized import unsigned
from engines.backends._quantized.saturation import takes_all_bits
from engines.backends._quantized.unsigned import make_unsigned
from engines.base import example_input
from engines.store.opening import open_engine
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from tests.engines.typed_nets import write_quantized_net
from tests.exporter.precisions.test_quantized import quantized
from tests.exporter.small_nets import Net, array, pictures, run

pytest.importorskip("onnxruntime")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]


def as_written(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    """What ONNX Runtime makes of the file, node by node, in FP32."""
    session = open_session(path, session_options(1, "ORT_DISABLE_ALL"))
    found: NDArray[Any] = session.run(None, {"images": images})[0]
    return found


def test_a_network_gives_the_same_bits_where_steps_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsigned, "_SIGNED_LARGEST", 255)
    model = write_quantized_net(tmp_path / "signed.onnx")
    proto = onnx.load(model.path)
    make_unsigned(proto)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, tmp_path / "unsigned.onnx")
    assert {t.data_type for t in zero_points(proto)} == {TensorProto.UINT8}
    images = np.random.default_rng(0).random((2, 3, 64, 96), dtype=np.float32)
    np.testing.assert_array_equal(
        as_written(tmp_path / "unsigned.onnx", images), as_written(model.path, images)
    )


def zero_points(proto: ModelProto) -> list[TensorProto]:
    used = {n.input[2] for n in proto.graph.node if n.op_type == "QuantizeLinear"}
    return [t for t in proto.graph.initializer if t.name in used]


@given(st.integers(-128, 127), st.floats(2**-10, 1, width=32), st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_any_scale_and_zero_point_give_the_same_bits(zero: int, scale: float, seed: int) -> None:
    proto = pair(zero, scale)
    values = np.random.default_rng(seed).normal(0, 40, 64).astype(np.float32)
    evaluate = onnx.reference.ReferenceEvaluator
    (signed,) = evaluate(proto).run(None, {"x": values})
    make_unsigned(proto)
    (moved,) = evaluate(proto).run(None, {"x": values})
    assert {t.data_type for t in zero_points(proto)} == {TensorProto.UINT8}
    np.testing.assert_array_equal(signed, moved)


def pair(
    zero: int, scale: float, *, give_away: bool = False, before: str = "Identity"
) -> ModelProto:
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [64])]
    if give_away:
        outputs.append(helper.make_tensor_value_info("q", TensorProto.INT8, [64]))
    graph = helper.make_graph(
        [
            helper.make_node(before, ["x"], ["v"]),
            helper.make_node("QuantizeLinear", ["v", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
        ],
        "pair",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [64])],
        outputs,
        [
            numpy_helper.from_array(np.array(scale, np.float32), "s"),
            numpy_helper.from_array(np.array(zero, np.int8), "z"),
        ],
        value_info=[helper.make_tensor_value_info("q", TensorProto.INT8, [64])] * (not give_away),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@given(st.floats(2**-10, 1, width=32), st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_what_is_never_negative_is_rounded_in_half_steps(scale: float, seed: int) -> None:
    proto = pair(0, scale, before="Relu")
    values = np.random.default_rng(seed).uniform(-1, 127 * scale, 64).astype(np.float32)
    make_unsigned(proto)
    given: Any = onnx.reference.ReferenceEvaluator(proto).run(None, {"x": values})
    found = given[0]
    assert {t.data_type for t in zero_points(proto)} == {TensorProto.UINT8}
    assert np.abs(found - np.maximum(values, 0)).max() <= 0.2501 * scale


@given(st.floats(0, 0.89), st.floats(2**-10, 1, width=32), st.integers(0, 1000))
@settings(deadline=None, max_examples=50)
def test_no_steps_are_left_for_what_lies_below_the_smallest_value(
    share: float, scale: float, seed: int
) -> None:
    proto, most = pair(0, scale), 127 * scale
    least = -share * most
    make_unsigned(proto, {"v": least})
    values = np.random.default_rng(seed).uniform(least, most, 64).astype(np.float32)
    values[:3] = least, most, 0
    given: Any = onnx.reference.ReferenceEvaluator(proto).run(None, {"x": values})
    found = given[0]
    step = (most - least) / 253  # one of them goes where 0 becomes a whole number of steps
    assert np.abs(found - values).max() <= 0.5001 * step
    assert found[2] == 0


def test_values_on_both_sides_alike_are_the_same_bits() -> None:
    proto = pair(0, 0.1)
    values = np.random.default_rng(0).normal(0, 4, 64).astype(np.float32)
    evaluate = onnx.reference.ReferenceEvaluator
    (signed,) = evaluate(proto).run(None, {"x": values})
    make_unsigned(proto, {"v": -12.0})
    (moved,) = evaluate(proto).run(None, {"x": values})
    np.testing.assert_array_equal(signed, moved)


def test_the_inputs_of_a_concat_have_one_zero_point() -> None:
    """OpenVINO runs a Concat of several in FP32, and the convolution behind it."""
    net = Net()
    features = net.conv("images", (8, 3, 3, 3))
    sides = net.add("Relu", net.conv(features)), net.add("LeakyRelu", net.conv(features))
    inner = net.conv(net.add("Concat", *sides, axis=1), (8, 16, 1, 1))
    proto = quantized(net.model({net.conv(net.add("Relu", inner)): 4}))
    images = pictures()
    (signed,) = run(proto, images)
    make_unsigned(proto)
    points = {
        node.input[0]: int(array(proto, node.input[2]))
        for node in proto.graph.node
        if node.op_type == "QuantizeLinear"
    }
    assert [points[side] for side in sides] == [128, 128]
    assert np.abs(run(proto, images)[0] - signed).max() <= 0.05 * np.abs(signed).max()


@pytest.mark.parametrize("zero", [-128, -3, 5])
def test_a_zero_point_other_than_zero_keeps_its_steps(zero: int) -> None:
    proto = pair(zero, 0.1, before="Relu")
    values = np.random.default_rng(0).normal(0, 4, 64).astype(np.float32)
    evaluate = onnx.reference.ReferenceEvaluator
    (signed,) = evaluate(proto).run(None, {"x": values})
    make_unsigned(proto)
    (moved,) = evaluate(proto).run(None, {"x": values})
    np.testing.assert_array_equal(signed, moved)


def test_weights_that_are_quantized_in_the_graph_stay_signed() -> None:
    proto = pair(0, 0.1)
    proto.graph.initializer.append(numpy_helper.from_array(np.ones(64, np.float32), "w"))
    proto.graph.node[0].input[0] = "w"
    before = proto.SerializeToString()
    make_unsigned(proto)
    assert proto.SerializeToString() == before
    assert takes_all_bits(proto)


def test_bytes_that_somebody_else_reads_stay(tmp_path: Path) -> None:
    proto = pair(0, 0.5, give_away=True)
    before = proto.SerializeToString()
    make_unsigned(proto)
    assert proto.SerializeToString() == before


def test_products_of_bytes_do_not_overflow(build: Build, tmp_path: Path) -> None:
    """Without VNNI, uint8 × int8 would: by up to half of what the outputs reach."""
    model = write_quantized_net(tmp_path / "int8.onnx")
    proto = onnx.load(model.path)
    largest = [t for t in proto.graph.initializer if t.name.endswith("_stored")]
    for tensor in largest:
        tensor.CopyFrom(numpy_helper.from_array(np.full(tensor.dims, 127, np.int8), tensor.name))
    onnx.save(proto, model.path)
    profile = Profile.fixed(Size(64, 96))
    spec = EngineSpec(backend="onnxruntime", strategy="static", profiles=(profile,))
    artifact = build(read_model(model.path), spec)
    images = 0.5 + example_input(artifact, (1, 3, 64, 96)) / 2
    with open_engine(artifact) as session:
        found = session.infer({"images": images})["boxes"]
    np.testing.assert_allclose(found, as_written(model.path, images), atol=6 / 127 + 1e-4)
