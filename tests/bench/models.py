"""Small ONNX files, made with onnx alone, and data that they do well on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard

CARD = ModelCard(network="colours", task="detection", layout="sizewise", classes=("red", "blue"))


def colours(
    path: Path, box: tuple[float, ...] = (0, 0, 8, 8), card: ModelCard = CARD
) -> ExportedModel:
    """A detector that finds ``box`` (x0 y0 x1 y1, input pixels) in every picture, red and blue each
    as likely as the picture's mean in that channel."""
    graph = helper.make_graph(
        _colour_nodes(),
        "colours",
        [_tensor("images", "batch", 3, "height", "width")],
        [_tensor("boxes", "batch", 1, 4), _tensor("scores", "batch", 1, 2)],
        _colour_numbers(box),
    )
    return _saved(graph, path, card)


def colours_by_height(
    path: Path, boxes: tuple[tuple[float, ...], tuple[float, ...]], height: int
) -> ExportedModel:
    """As :func:`colours`, with the first of two boxes in inputs of this height, else the other."""
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "rows"], ["height"], axis=0),
        helper.make_node("Equal", ["height", "wanted"], ["is_wanted"]),
        helper.make_node("Where", ["is_wanted", "here", "elsewhere"], ["box"]),
    ]
    numbers = [
        numpy_helper.from_array(np.array(values, kind), name)
        for name, kind, values in (
            ("rows", np.int64, 2),
            ("wanted", np.int64, height),
            ("here", np.float32, boxes[0]),
            ("elsewhere", np.float32, boxes[1]),
        )
    ]
    graph = helper.make_graph(
        [*nodes, *_colour_nodes()],
        "colours_by_height",
        [_tensor("images", "batch", 3, "height", "width")],
        [_tensor("boxes", "batch", 1, 4), _tensor("scores", "batch", 1, 2)],
        [*numbers, *(one for one in _colour_numbers(boxes[0]) if one.name != "box")],
    )
    return _saved(graph, path, CARD)


def suppressed_colours(path: Path, box: tuple[float, ...]) -> ExportedModel:
    """As :func:`colours`, with one detection of the likelier of the two and a row that is unused,
    as a graph with suppression gives them."""
    nodes = [
        helper.make_node("ReduceMax", ["scores", "last"], ["score"], keepdims=1),
        helper.make_node("ArgMax", ["scores"], ["index"], axis=2, keepdims=1),
        helper.make_node("Cast", ["index"], ["label"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["boxes", "score", "label"], ["row"], axis=2),
        helper.make_node("Mul", ["row", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "unused"], ["no_row"]),
        helper.make_node("Concat", ["row", "no_row"], ["detections"], axis=1),
    ]
    graph = helper.make_graph(
        [*_colour_nodes(), *nodes],
        "suppressed_colours",
        [_tensor("images", "batch", 3, "height", "width")],
        [_tensor("detections", "batch", 2, 6)],
        [
            *_colour_numbers(box),
            numpy_helper.from_array(np.array([0, 0, 0, 0, 0, -1], np.float32), "unused"),
        ],
    )
    return _saved(graph, path, replace(CARD, layout="sizewise_nms"))


def _colour_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("ReduceMean", ["images", "plane"], ["means"], keepdims=0),
        helper.make_node("Gather", ["means", "red_blue"], ["both"], axis=1),
        helper.make_node("Unsqueeze", ["both", "one"], ["scores"]),
        helper.make_node("Mul", ["scores", "zero"], ["nothing"]),
        helper.make_node("ReduceSum", ["nothing", "last"], ["blank"], keepdims=1),
        helper.make_node("Add", ["blank", "box"], ["boxes"]),
    ]


def _colour_numbers(box: tuple[float, ...]) -> list[onnx.TensorProto]:
    return [
        numpy_helper.from_array(np.array(values, kind), name)
        for name, kind, values in (
            ("plane", np.int64, [2, 3]),
            ("red_blue", np.int64, [0, 2]),
            ("one", np.int64, [1]),
            ("last", np.int64, [2]),
            ("zero", np.float32, 0),
            ("box", np.float32, box),
        )
    ]


def brightness(path: Path) -> ExportedModel:
    """A segmenter that takes for an object what is brighter than six tenths."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images", "channels"], ["grey"]),
            helper.make_node("Sub", ["grey", "threshold"], ["mask_logits"]),
        ],
        "brightness",
        [_tensor("images", "batch", 3, "height", "width")],
        [_tensor("mask_logits", "batch", 1, "height", "width")],
        [
            numpy_helper.from_array(np.array([1], np.int64), "channels"),
            numpy_helper.from_array(np.array(0.6, np.float32), "threshold"),
        ],
    )
    return _saved(graph, path, ModelCard(network="brightness", task="segmentation"))


def _saved(graph: onnx.GraphProto, path: Path, card: ModelCard) -> ExportedModel:
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    write_card(proto, card)
    onnx.save(proto, path)
    return read_model(path)


def _tensor(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
