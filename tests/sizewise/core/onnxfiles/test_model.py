"""Reading ONNX files, ours and anybody's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.cards import CARD_KEY
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import Deviation, ModelCard, Size
from tests.engines.nets import write_net


def _identity(path: Path, card: ModelCard | None = None) -> Path:
    shape: list[str | int | None] = ["b", 3, None, "w"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.ones(1, np.float32), "one")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    if card:
        write_card(proto, card)
        write_card(proto, card)
    onnx.save(proto, path)
    return path


def test_inputs_outputs_and_opset_are_read_and_weights_are_no_inputs(tmp_path: Path) -> None:
    model = read_model(_identity(tmp_path / "any.onnx"))
    assert [str(t) for t in model.inputs] == ["x float32[b, 3, x_2, w]"]
    assert (model.opset_version, model.card) == (20, ModelCard(network="any"))


def test_a_card_is_read_from_the_file_and_written_once(tmp_path: Path) -> None:
    card = ModelCard(network="n", task="detection", classes=("a",), stride=32, parameters=7)
    path = _identity(tmp_path / "x.onnx", card)
    assert read_model(path).card == card
    assert len(onnx.load(path).metadata_props) == 1


def _doing(path: Path, operator: str, *, within: bool) -> Path:
    """A graph with an operator of that name, which may stand in a branch."""
    node = helper.make_node(operator, ["x"], ["y"], domain="any")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    branch = helper.make_graph([node], "branch", [], values[1:])
    if within:
        node = helper.make_node("Loop", ["", "", "x"], ["y"], body=branch, domain="any")
    graph = helper.make_graph([node], "g", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("any", 1)]), path)
    return path


def test_metadata_of_others_stays_also_where_it_is_no_text(tmp_path: Path) -> None:
    proto = onnx.load(_identity(tmp_path / "model.onnx"))
    proto.metadata_props.add(key="theirs-k", value="theirs-v")
    write_card(proto, ModelCard(network="first"))
    proto.metadata_props.add(key="later", value="")
    data = proto.SerializeToString().replace(b"theirs-", b"\xff\xfe\xfd\xff\xff\xff-")
    proto = onnx.ModelProto.FromString(data)
    write_card(proto, ModelCard(network="second"))
    written = proto.SerializeToString()
    assert written.count(b"\xff\xfe\xfd\xff\xff\xff-") == 2
    (tmp_path / "again.onnx").write_bytes(written)
    assert read_model(tmp_path / "again.onnx").card.network == "second"
    assert len(proto.metadata_props) == 3


@pytest.mark.parametrize("part", ["", "scores"])
def test_fields_that_came_later_are_written_where_they_say_something(
    tmp_path: Path, part: str
) -> None:
    found = Deviation(
        size=Size(64, 64),
        output="output0",
        max_abs_error=1.0,
        absmax=2.0,
        relative_error=0.5,
        bound=0.2,
        part=part,
    )
    card = ModelCard(network="any", deviations=(found,))
    path = _identity(tmp_path / "any.onnx", card)
    (entry,) = (p for p in onnx.load(path).metadata_props if p.key == CARD_KEY)
    written = json.loads(entry.value)
    assert "preprocessing" not in written
    (plain,) = written["deviations"]
    before = ["size", "output", "max_abs_error", "absmax", "relative_error", "bound"]
    assert list(plain) == [*before, *(["part"] if part else [])]
    assert read_model(path).card == card


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(
    ("operator", "does"), [("NonMaxSuppression", True), ("EfficientNMS_TRT", True), ("Add", False)]
)
def test_a_graph_that_does_nms_is_told(
    operator: str, does: bool, within: bool, tmp_path: Path
) -> None:
    assert read_model(_doing(tmp_path / "x.onnx", operator, within=within)).nms is does


@pytest.mark.parametrize("junk", [b"", b"xx", b"\x00" * 1000, b"<html>not found</html>"])
def test_what_is_no_onnx_is_refused_with_a_sentence(junk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "junk.onnx"
    path.write_bytes(junk)
    with pytest.raises(InputError, match="isn't a valid ONNX file"):
        read_model(path)


def test_a_cut_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    whole = _identity(tmp_path / "whole.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="isn't a valid ONNX file"):
        read_model(cut)
    with pytest.raises(InputError, match="no such file"):
        read_model(tmp_path / "absent.onnx")
    with pytest.raises(InputError):
        read_model(tmp_path)


def test_a_broken_card_is_refused(tmp_path: Path) -> None:
    path = _identity(tmp_path / "x.onnx")
    proto = onnx.load(path)
    proto.metadata_props.add(key="sizewise", value='{"network": 3}')
    onnx.save(proto, path)
    with pytest.raises(InputError, match=r"card inside .*x\.onnx"):
        read_model(path)


def test_weights_in_another_file_are_part_of_the_hash(tmp_path: Path) -> None:
    proto = onnx.load(_identity(tmp_path / "x.onnx"))
    path = tmp_path / "outside.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights", size_threshold=0)
    before = read_model(path).sha256
    (tmp_path / "weights").write_bytes(np.full(1, 2, np.float32).tobytes())
    assert read_model(path).sha256 != before
    (tmp_path / "weights").unlink()
    with pytest.raises(InputError, match="can't be read without its weights"):
        read_model(path)


def _weight_outside(kind: str) -> onnx.ModelProto:
    """A graph that adds the weight of another file, which a node, branch or function holds."""
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[1])
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "weights"), ("offset", "0"), ("length", "4")):
        weight.external_data.add(key=key, value=value)
    held = helper.make_node("Constant", [], ["w"], value=weight)
    nodes, functions = [held], []
    if kind == "branch":
        out = helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [1])
        branch = helper.make_graph([held], "branch", [], [out])
        yes = helper.make_node(
            "Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))
        )
        choose = helper.make_node("If", ["yes"], ["w"], then_branch=branch, else_branch=branch)
        nodes = [yes, choose]
    if kind == "function":
        opsets = [helper.make_opsetid("", 17)]
        functions = [helper.make_function("ours", "Weight", [], ["w"], [held], opsets)]
        nodes = [helper.make_node("Weight", [], ["w"], domain="ours")]
    images, sums = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 4, 4])
        for name in ("images", "sums")
    )
    nodes.append(helper.make_node("Add", ["images", "w"], ["sums"]))
    return helper.make_model(
        helper.make_graph(nodes, "outside", [images], [sums]),
        functions=functions,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ours", 1)],
        ir_version=8,
    )


@pytest.mark.parametrize("kind", ["node", "branch", "function"])
def test_weights_outside_are_part_of_the_hash_wherever_they_are_held(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "outside.onnx"
    (tmp_path / "weights").write_bytes(np.float32(1).tobytes())
    path.write_bytes(_weight_outside(kind).SerializeToString())
    before = read_model(path).sha256
    (tmp_path / "weights").write_bytes(np.float32(2).tobytes())
    assert read_model(path).sha256 != before


@pytest.mark.parametrize(
    ("dtype", "precision"), [(np.float32, "fp32"), (np.float16, "fp16"), (np.int8, "int8")]
)
def test_the_precision_of_a_foreign_file_is_read_from_its_graph(
    dtype: type[np.generic], precision: str, tmp_path: Path
) -> None:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    quantised = dtype is np.int8
    weights = numpy_helper.from_array(np.ones((2, 3, 1, 1), dtype), "w")
    scale = numpy_helper.from_array(np.ones((), np.float32), "scale")
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["w", "scale"], ["real"])
            if quantised
            else helper.make_node("Identity", ["w"], ["real"]),
            helper.make_node("Conv", ["x", "real"], ["y"]),
        ],
        "g",
        [
            helper.make_tensor_value_info(
                "x", TensorProto.FLOAT if quantised else kind, [1, 3, 8, 8]
            )
        ],
        [
            helper.make_tensor_value_info(
                "y", TensorProto.FLOAT if quantised else kind, [1, 2, 8, 8]
            )
        ],
        [weights, scale],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), tmp_path / "f")
    assert read_model(tmp_path / "f").card.precision == precision


def test_an_end_without_a_shape_is_named_and_the_advice_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("net.onnx")
    write_net(path)
    proto = onnx.load(path)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(proto, path)
    with pytest.raises(InputError, match="its output 'boxes' declares no shape") as caught:
        read_model(path)
    (advice,) = re.findall(r"onnx\.save\(.*\)", caught.value.todo)
    exec(advice, {"onnx": onnx})  # as a user would
    assert read_model(Path("shaped.onnx")).outputs[0].name == "boxes"
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    onnx.save(proto, path)
    with pytest.raises(InputError, match="its input 'images' declares no shape"):
        read_model(path)


def test_a_side_of_nothing_is_named_and_the_advice_helps(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write_net(path)
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 0  # as MXNet writes free ones
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"side 2 .* of its input 'images' is 0") as caught:
        read_model(path)
    exec(caught.value.todo.partition("with onnx: ")[2].rstrip("."), {"model": model})
    onnx.save(model, path)
    assert read_model(path).image.tensor.shape[2] == "side2"
