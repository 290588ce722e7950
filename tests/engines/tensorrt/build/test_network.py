from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from engines.tensorrt.build.network import creation_flags, parse, source_of
from engines.tensorrt.log import Messages, make_logger
from sizewise.core.errors import BuildError, EngineMismatchError, InputError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel
from tests.engines.nets import write_net
from tests.engines.tensorrt.build.builds import trt
from tests.engines.typed_nets import write_quantized_net, write_typed_net


def parsed(model: ExportedModel, module: Any = trt) -> Any:
    messages = Messages()
    return parse(module, trt.Builder(make_logger(trt, messages)), model, messages)


def _of_one_node(path: Path, operator: str, *, domain: str = "", output: int) -> ExportedModel:
    graph = helper.make_graph(
        [helper.make_node(operator, ["images"], ["y"], name="the_one", domain=domain)],
        "one",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("y", output, ["of", "any"])],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("mine", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return read_model(path)


def test_the_network_keeps_the_types_of_the_graph(tmp_path: Path) -> None:
    network = parsed(write_typed_net(tmp_path / "half.onnx", "fp16"))
    assert network.get_flag(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    kinds = {
        network.get_layer(number).get_output(0).dtype
        for number in range(network.num_layers)
        if network.get_layer(number).type == trt.LayerType.CONVOLUTION
    }
    assert kinds == {trt.DataType.HALF}


def test_an_operator_that_there_is_not_is_named(tmp_path: Path) -> None:
    model = _of_one_node(tmp_path / "own.onnx", "Own", domain="mine", output=TensorProto.FLOAT)
    with pytest.raises(BuildError, match=r"Own \(node the_one\).*Plugin not found") as failure:
        parsed(model)
    assert failure.value.reason_code == "unsupported_operator"


def test_an_operator_that_the_parser_does_not_take_is_named(tmp_path: Path) -> None:
    model = _of_one_node(tmp_path / "det.onnx", "Det", output=TensorProto.FLOAT)
    with pytest.raises(BuildError, match=r"Det \(node the_one\): unsupported node") as failure:
        parsed(model)
    assert failure.value.reason_code == "unsupported_operator"


@pytest.mark.parametrize("cut", [0, 2, 100, -40])
def test_what_is_no_whole_onnx_file_is_refused_before_it_is_parsed(
    net: ExportedModel, tmp_path: Path, cut: int
) -> None:
    """The parser itself takes two letters for an empty network."""
    path = tmp_path / "cut.onnx"
    path.write_bytes(net.path.read_bytes()[:cut] if cut != 2 else b"xx")
    broken = ExportedModel(
        path=path,
        sha256="",
        card=net.card,
        opset_version=20,
        inputs=net.inputs,
        outputs=net.outputs,
    )
    with pytest.raises(InputError, match="isn't a valid ONNX file"):
        parsed(broken)


def test_weights_beside_the_file_are_found(net: ExportedModel, tmp_path: Path) -> None:
    path = tmp_path / "apart.onnx"
    proto = onnx.load(net.path)
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    model = read_model(path)
    assert source_of(model) == path
    assert parsed(model).num_layers == parsed(net).num_layers


def test_a_quantized_file_is_given_without_the_pairs_behind_its_convolutions(
    tmp_path: Path,
) -> None:
    model = write_quantized_net(tmp_path / "int8.onnx")
    given = source_of(model)
    assert isinstance(given, bytes)
    before, after = onnx.load(model.path), onnx.load_from_string(given)
    assert _count(before, "QuantizeLinear") > _count(after, "QuantizeLinear") > 0
    assert parsed(model).num_outputs == 1


def _count(proto: onnx.ModelProto, operator: str) -> int:
    return sum(node.op_type == operator for node in proto.graph.node)


class _TypedFlag(IntEnum):
    STRONGLY_TYPED = 1


class _NoFlag(IntEnum):
    EXPLICIT_BATCH = 0


def test_strong_typing_is_asked_for_where_it_is_a_choice_and_is_the_rule_elsewhere() -> None:
    """TensorRT 10.x has the flag and is weakly typed without; a version without has one rule."""
    assert creation_flags(SimpleNamespace(NetworkDefinitionCreationFlag=_TypedFlag)) == 1 << 1
    assert creation_flags(SimpleNamespace(NetworkDefinitionCreationFlag=_NoFlag)) == 0


def test_a_network_that_is_not_strongly_typed_is_refused(net: ExportedModel) -> None:
    class WeakNetwork:
        def get_flag(self, flag: int) -> bool:
            return False

    module = SimpleNamespace(
        __name__="tensorrt", __version__="10.0", NetworkDefinitionCreationFlag=_TypedFlag
    )
    builder = SimpleNamespace(create_network=lambda flags: WeakNetwork())
    with pytest.raises(EngineMismatchError, match="not make a strongly typed network") as failure:
        parse(module, builder, net, Messages())
    assert failure.value.reason_code == "unsupported_precision"


def test_a_file_of_one_size_is_parsed_as_such(tmp_path: Path) -> None:
    network = parsed(write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96)))
    assert tuple(network.get_input(0).shape) == (1, 3, 64, 96)
