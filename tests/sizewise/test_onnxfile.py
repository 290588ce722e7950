"""Reading ONNX files, ours and anybody's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sizewise.errors import InputError
from sizewise.onnxfile import read_model, write_card
from sizewise.specs import ModelCard


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
    card = ModelCard(network="n", task="detection", classes=("a",), stride=32)
    path = _identity(tmp_path / "x.onnx", card)
    assert read_model(path).card == card
    assert len(onnx.load(path).metadata_props) == 1


@pytest.mark.parametrize("junk", [b"", b"xx", b"\x00" * 1000, b"<html>not found</html>"])
def test_what_is_no_onnx_is_refused_with_a_sentence(junk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "junk.onnx"
    path.write_bytes(junk)
    with pytest.raises(InputError, match="no valid ONNX file"):
        read_model(path)


def test_a_cut_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    whole = _identity(tmp_path / "whole.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="no valid ONNX file"):
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
    with pytest.raises(InputError, match="no valid ONNX file"):
        read_model(path)
