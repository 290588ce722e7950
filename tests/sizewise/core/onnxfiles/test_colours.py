"""Channels that a file leaves open, read from its first layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, Size


def _conv(channels: int, group: int = 1) -> tuple[NodeProto, np.ndarray]:
    weights = np.ones((4, channels // group, 3, 3), np.float32)
    return helper.make_node("Conv", ["read", "w"], ["y"], group=group, pads=[1] * 4), weights


def _read(
    path: Path, shape: list[str | int], before: NodeProto, channels: int, group: int = 1
) -> ExportedModel:
    conv, weights = _conv(channels, group)
    graph = helper.make_graph(
        [before, conv],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, "p", "q"])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), path)
    return read_model(path)


_TURN = helper.make_node("Transpose", ["x"], ["read"], perm=[0, 3, 1, 2])
_HALVE = helper.make_node("Mul", ["x", "x"], ["read"])


@pytest.mark.parametrize(
    ("before", "channels", "group", "shape"),
    [
        (_HALVE, 1, 1, (2, 1, 32, 64)),
        (_HALVE, 3, 1, (2, 3, 32, 64)),
        (_HALVE, 4, 2, (2, 4, 32, 64)),
        (_TURN, 3, 1, (2, 32, 64, 3)),
        (_TURN, 1, 1, (2, 32, 64, 1)),
    ],
)
def test_the_first_convolution_says_how_many_and_where(
    before: NodeProto, channels: int, group: int, shape: tuple[int, ...], tmp_path: Path
) -> None:
    model = _read(tmp_path / "m.onnx", ["n", "a", "b", "c"], before, channels, group)
    assert model.image.shape(2, Size(32, 64)) == shape
    assert not model.image.assumption


def test_what_the_file_says_stays(tmp_path: Path) -> None:
    model = _read(tmp_path / "m.onnx", ["n", "a", "b", 3], _TURN, 3)
    assert model.inputs[0].shape == ("n", "a", "b", 3)


def test_what_nothing_says_is_assumed_in_words(tmp_path: Path) -> None:
    turned_otherwise = helper.make_node("Transpose", ["x"], ["read"], perm=[0, 2, 3, 1])
    model = _read(tmp_path / "m.onnx", ["n", "a", "b", "c"], turned_otherwise, 3)
    assert model.image.shape(1, Size(32, 64)) == (1, 3, 32, 64)
    assert "batch, channels, height, width with 3 channels are assumed" in model.image.assumption


def _without_layers(path: Path, shape: list[str | int]) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "m"])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), path)
    return path


@pytest.mark.parametrize(
    ("shape", "taken"),
    [
        (["n", "h", "w", "c"], (2, 32, 64, 3)),
        (["n", "Height", "Width", "d"], (2, 32, 64, 3)),
        (["n", "x", "y", "channels"], (2, 32, 64, 3)),
        (["n", 32, 64, "c"], (2, 32, 64, 3)),
        (["n", "c", "h", "w"], (2, 3, 32, 64)),
        (["n", "x_1", "x_2", "x_3"], (2, 3, 32, 64)),
        (["n", "c", 32, 64], (2, 3, 32, 64)),
    ],
)
def test_without_a_layer_that_tells_names_are_taken_at_their_word_and_it_is_said(
    shape: list[str | int], taken: tuple[int, ...], tmp_path: Path
) -> None:
    image = read_model(_without_layers(tmp_path / "m.onnx", shape)).image
    assert image.shape(2, Size(32, 64)) == taken
    assert "with 3 channels are assumed" in image.assumption


@pytest.mark.parametrize("shape", [["n", "h", "w", "c"], ["n", "c", "h", "w"]])
def test_what_the_remark_says_to_write_turns_it_round(shape: list[str], tmp_path: Path) -> None:
    path = _without_layers(tmp_path / "m.onnx", list(shape))
    before = read_model(path).image
    line = before.assumption.partition("with onnx: ")[2].partition(" puts ")[0]
    model = onnx.load(path)
    exec(line, {"model": model})
    onnx.save(model, path)
    after = read_model(path).image
    assert after.channels_first != before.channels_first
    assert not after.assumption
