"""Weights that nodes of constants compute become constants; the graph computes the same."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from exporter.graph.decoding import decode_weights
from sizewise.core.errors import ExportError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size
from tests.exporter.small_nets import Array, copied, picture_set, run

KINDS = ("integers", "identity", "turned", "read twice")


def _net(kind: str) -> onnx.ModelProto:
    """Two convolutions; the weights ``w`` of the first one come as ``kind`` says."""
    random = np.random.default_rng(0)
    arrays: dict[str, Array] = {"last": random.standard_normal((4, 8, 1, 1)).astype(np.float32)}
    ends = [helper.make_node("Conv", ["r", "last"], ["y"], "second")]
    if kind == "integers":
        arrays["stored"] = random.integers(-127, 128, (8, 3, 3, 3)).astype(np.int8)
        arrays["scale"] = random.uniform(0.001, 0.002, (8, 1, 1, 1)).astype(np.float32)
        made = [
            helper.make_node("Cast", ["stored"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["real", "scale"], ["w"]),
        ]
    elif kind == "turned":
        arrays["stored"] = (random.standard_normal((3, 3, 3, 8)) / 5).astype(np.float32)
        made = [helper.make_node("Transpose", ["stored"], ["w"], perm=[3, 2, 0, 1])]
    else:
        arrays["stored"] = (random.standard_normal((8, 3, 3, 3)) / 5).astype(np.float32)
        made = [helper.make_node("Identity", ["stored"], ["w"])]
    if kind == "read twice":
        made.append(helper.make_node("Identity", ["w"], ["weights"]))
    nodes = [
        *made,
        helper.make_node("Conv", ["images", "w"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"]),
        *ends,
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 4, "h", "w"])]
    if kind == "read twice":
        outputs.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [8, 3, 3, 3]))
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_constants_and_the_outputs_what_they_were(kind: str) -> None:
    before = _net(kind)
    after = decode_weights(copied(before))
    assert "w" in {tensor.name for tensor in after.graph.initializer}
    operators = [node.op_type for node in after.graph.node]
    assert operators == [*(["Identity"] if kind == "read twice" else []), "Conv", "Relu", "Conv"]
    images = np.random.default_rng(1).random((2, 3, 32, 32), dtype=np.float32)
    for found, expected in zip(run(after, images), run(before, images), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    onnx.checker.check_model(after, full_check=True)


def test_a_graph_whose_weights_are_constants_stays_as_it_is() -> None:
    plain = decode_weights(_net("identity"))
    assert decode_weights(copied(plain)) == plain


def test_weights_that_are_drawn_anew_in_every_run_are_no_constants() -> None:
    proto = _net("identity")
    proto.graph.node[0].op_type = "RandomNormalLike"
    assert decode_weights(copied(proto)) == proto


def _with(nodes: list[onnx.NodeProto], stored: Array) -> onnx.ModelProto:
    """The net, whose first weights these ``nodes`` make from ``stored``."""
    proto = _net("identity")
    del proto.graph.node[0]
    for place, node in enumerate(nodes):
        proto.graph.node.insert(place, node)
    (old,) = (one for one in proto.graph.initializer if one.name == "stored")
    old.CopyFrom(numpy_helper.from_array(stored, "stored"))
    return proto


def _doubled(times: int) -> list[onnx.NodeProto]:
    names = ["stored", *(f"d{number}" for number in range(times - 1)), "w"]
    return [helper.make_node("Concat", [one, one], [two], axis=0) for one, two in pairwise(names)]


BOMBS = {
    "joined": (_doubled(40), np.ones((64, 64), np.float32)),
    "broadcast": (
        [
            helper.make_node("Transpose", ["stored"], ["turned"], perm=[1, 0]),
            helper.make_node("Add", ["stored", "turned"], ["w"]),
        ],
        np.ones((100_000, 1), np.float32),
    ),
}
NONSENSE = {
    "type": helper.make_node("Cast", ["stored"], ["w"], to=65536),
    "inputs": helper.make_node("Add", ["stored"], ["w"]),
    "shape": helper.make_node("Transpose", ["stored"], ["w"], perm=[9]),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("nodes", "stored"), BOMBS.values(), ids=BOMBS)
def test_weights_that_would_fill_the_memory_are_refused(
    nodes: list[onnx.NodeProto], stored: Array
) -> None:
    with pytest.raises(ExportError, match=r"weights.*GB, and one file holds 1.8 GB"):
        decode_weights(_with(nodes, stored))


@pytest.mark.parametrize("node", NONSENSE.values(), ids=NONSENSE)
def test_weights_that_can_not_be_computed_are_refused(node: onnx.NodeProto) -> None:
    with pytest.raises(ExportError, match="computes from constants can't be converted"):
        decode_weights(_with([node], np.ones((8, 3, 3, 3), np.float32)))


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_file_that_stores_integers_can_be_converted(precision: str, tmp_path: Path) -> None:
    onnx.save(_net("integers"), tmp_path / "stored.onnx")
    model = read_model(tmp_path / "stored.onnx")
    settings = ConversionSettings(
        images=picture_set(tmp_path / "pictures"),
        sizes=(Size(32, 32),),
        check_sizes=(Size(32, 32),),
    )
    made = convert(model, precision, tmp_path / "made.onnx", settings=settings)
    assert made.card.precision == precision
    assert all(one.within for one in made.card.deviations)


def test_a_bias_behind_an_identity_is_a_constant_too() -> None:
    """As torch's exporter leaves it where several layers have equal biases."""
    proto = _net("identity")
    bias = numpy_helper.from_array(np.ones(8, np.float32), "held")
    proto.graph.initializer.append(bias)
    proto.graph.node.insert(0, helper.make_node("Identity", ["held"], ["bias"]))
    next(one for one in proto.graph.node if one.name == "first").input.append("bias")
    made = decode_weights(copied(proto))
    assert "bias" in {tensor.name for tensor in made.graph.initializer}
    assert "Identity" not in {node.op_type for node in made.graph.node}
