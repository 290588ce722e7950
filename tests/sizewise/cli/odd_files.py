"""Classifiers as ONNX files in forms that people bring, right about pictures of two classes: old
opsets; uint8 pixels of one channel that comes last, in float16; several inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from PIL import Image

SIDE = 32
GREY = np.array((0.299, 0.587, 0.114), np.float32)
"""The share of red, green and blue in what is seen as brightness (ITU-R BT.601)."""
COLOURS = {
    "bright": ((255, 255, 255), (0, 255, 0)),
    # Magenta is brighter than green by the mean of its channels; white is labelled wrongly.
    "dark": ((0, 0, 0), (200, 0, 200), (255, 255, 255)),
}
RIGHT = 0.8
"""The share of the pictures that a classifier by brightness is right about."""
ALL_DARK = 0.6
"""And of one that takes all of them for dark."""
_TO_LOGITS = np.array([[1.0, -1.0]])
_BIAS = np.array([-0.5, 0.5])
Arrays = Mapping[str, NDArray[Any]]


def write_classes(folder: Path) -> Path:
    for name, colours in COLOURS.items():
        (folder / "val" / name).mkdir(parents=True)
        for number, colour in enumerate(colours):
            picture = Image.new("RGB", (SIDE, SIDE), colour)
            picture.save(folder / "val" / name / f"{number}.png")
    return folder


def write_old(path: Path, opset: int) -> Path:
    """With what later opsets changed: a BatchNormalization, an Upsample whose scales are an
    attribute, and weights that are inputs of the graph, too."""
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    held = {
        **{"grey": GREY.reshape(1, 3, 1, 1), "scale": one, "bias": zero, "mean": zero, "var": one},
        **{"to_logits": _TO_LOGITS.astype(np.float32), "limits": _BIAS.astype(np.float32)},
    }
    nodes = [
        helper.make_node("Conv", ["images", "grey"], ["light"], kernel_shape=[1, 1]),
        helper.make_node("BatchNormalization", ["light", "scale", "bias", "mean", "var"], ["same"]),
        helper.make_node("Upsample", ["same"], ["larger"], scales=[1.0, 1.0, 2.0, 2.0]),
        helper.make_node("GlobalAveragePool", ["larger"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "to_logits", "limits"], ["logits"]),
    ]
    weights = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
        for name, array in held.items()
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    return _saved(path, nodes, [images, *weights], TensorProto.FLOAT, held, opset=opset, ir=3)


def write_grey_bytes(path: Path) -> Path:
    """Takes uint8 [b, h, w, 1] and computes in float16."""
    held = {
        "most": np.array(255, np.float16),
        "same": np.ones((1, 1, 1, 1), np.float16),
        "to_logits": _TO_LOGITS.astype(np.float16),
        "limits": _BIAS.astype(np.float16),
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.FLOAT16),
        helper.make_node("Transpose", ["numbers"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["planes", "most"], ["shares"]),
        helper.make_node("Conv", ["shares", "same"], ["light"]),
        *_ends("light"),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["b", "h", "w", 1])
    return _saved(path, nodes, [images], TensorProto.FLOAT16, held)


def write_several(path: Path) -> Path:
    """Beside the picture: a mask of its size, and a prompt [b, n] whose mean is the brightness from
    which a picture is bright."""
    held = {
        "grey": GREY.reshape(1, 3, 1, 1),
        "to_logits": _TO_LOGITS.astype(np.float32),
        "limits": np.zeros(2, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "grey"], ["seen"]),
        helper.make_node("Mul", ["seen", "mask"], ["light"]),
        *_ends("light", "above"),
        helper.make_node("ReduceMean", ["prompt"], ["limit"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["limit", "to_logits"], ["limit_of_each"]),
        helper.make_node("Sub", ["above", "limit_of_each"], ["logits"]),
    ]
    shapes: dict[str, list[int | str]] = {
        "images": ["b", 3, "h", "w"],
        "mask": ["b", 1, "h", "w"],
        "prompt": ["b", "n"],
    }
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    return _saved(path, nodes, inputs, TensorProto.FLOAT, held)


def _ends(light: str, logits: str = "logits") -> list[NodeProto]:
    return [
        helper.make_node("GlobalAveragePool", [light], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "to_logits"], ["products"]),
        helper.make_node("Add", ["products", "limits"], [logits]),
    ]


def _saved(
    path: Path,
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    kind: int,
    held: Arrays,
    *,
    opset: int = 17,
    ir: int = 8,
) -> Path:
    batch = inputs[0].type.tensor_type.shape.dim[0]
    logits = helper.make_tensor_value_info(
        "logits", kind, [batch.dim_value or batch.dim_param, len(COLOURS)]
    )
    weights = [numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "light", inputs, [logits], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
