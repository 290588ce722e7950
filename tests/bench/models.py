"""Small ONNX files, made with onnx alone, and data that they do well on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sizewise.onnxfile import read_model, write_card
from sizewise.specs import ExportedModel, ModelCard

CARD = ModelCard(network="colours", task="detection", layout="sizewise", classes=("red", "blue"))


def colours(
    path: Path, box: tuple[float, ...] = (0, 0, 8, 8), card: ModelCard = CARD
) -> ExportedModel:
    """A detector that finds ``box`` (x0 y0 x1 y1, input pixels) in every picture, red and blue each
    as likely as the picture's mean in that channel."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images", "plane"], ["means"], keepdims=0),
            helper.make_node("Gather", ["means", "red_blue"], ["both"], axis=1),
            helper.make_node("Unsqueeze", ["both", "one"], ["scores"]),
            helper.make_node("Mul", ["scores", "zero"], ["nothing"]),
            helper.make_node("ReduceSum", ["nothing", "last"], ["blank"], keepdims=1),
            helper.make_node("Add", ["blank", "box"], ["boxes"]),
        ],
        "colours",
        [_tensor("images", "batch", 3, "height", "width")],
        [_tensor("boxes", "batch", 1, 4), _tensor("scores", "batch", 1, 2)],
        [
            numpy_helper.from_array(np.array(values, kind), name)
            for name, kind, values in (
                ("plane", np.int64, [2, 3]),
                ("red_blue", np.int64, [0, 2]),
                ("one", np.int64, [1]),
                ("last", np.int64, [2]),
                ("zero", np.float32, 0),
                ("box", np.float32, box),
            )
        ],
    )
    return _saved(graph, path, card)


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
