"""Classifiers and segmenters of colours as others export them, and data for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from PIL import Image

CLASSES = ("red", "green", "blue")
BLOCK, SIDES = 16, (48, 64)
"""Pixels of a block of one class, and height and width of a picture of blocks."""

Array = NDArray[Any]


def classifier(
    path: Path, weights: Array, *, spare: Sequence[int] = (), softmax: bool = False
) -> Path:
    """Scores [B, C] (with ``spare`` axes of 1): the mean colour times ``weights`` [3, C]."""
    nodes = [
        helper.make_node("ReduceMean", ["images", "plane"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("Softmax" if softmax else "Identity", ["logits"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "spare"], ["output"])
        if spare
        else helper.make_node("Identity", ["flat"], ["output"]),
    ]
    constants: dict[str, Array] = {
        "plane": np.array([2, 3], np.int64),
        "weights": weights.astype(np.float32),
        "spare": np.array(spare, np.int64),
    }
    shape = ["b", weights.shape[1], *[1] * len(spare)]
    return _saved(path, nodes, constants, TensorProto.FLOAT, shape)


def segmenter(path: Path, share: int, *, numbers: bool = False) -> Path:
    """Scores [B, 4, H / share, W / share] of the background (0.5) and of ``CLASSES``, each the mean
    of its colour; or the numbers of the likeliest of these [B, H / share, W / share]."""
    nodes = [
        helper.make_node(
            "AveragePool",
            ["images"],
            ["means"],
            kernel_shape=[share, share],
            strides=[share, share],
        ),
        helper.make_node("Conv", ["means", "weights", "bias"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["output"], axis=1, keepdims=0)
        if numbers
        else helper.make_node("Identity", ["scores"], ["output"]),
    ]
    constants: dict[str, Array] = {
        "weights": np.vstack([np.zeros((1, 3)), np.eye(3)]).astype(np.float32).reshape(4, 3, 1, 1),
        "bias": np.array([0.5, 0, 0, 0], np.float32),
    }
    shape: list[Any] = ["b", "h4", "w4"] if numbers else ["b", 4, "h4", "w4"]
    kind = TensorProto.INT64 if numbers else TensorProto.FLOAT
    return _saved(path, nodes, constants, kind, shape)


def _saved(
    path: Path, nodes: list[NodeProto], constants: dict[str, Array], kind: int, shape: list[Any]
) -> Path:
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("output", kind, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(proto, path)
    return path


@dataclass(frozen=True)
class Classified:
    """A folder of one colour a picture, in a folder for each class; ``colours`` are 0–1 [N, 3]."""

    folder: Path
    colours: Array
    labels: Array


def write_classified(folder: Path, classes: Sequence[str], each: int = 3) -> Classified:
    """Pictures of random colours, so that no network is right about all."""
    random = np.random.default_rng(0)
    colours, labels = [], []
    for label, name in enumerate(sorted(classes)):
        (folder / "val" / name).mkdir(parents=True)
        for number in range(each):
            colour = random.integers(0, 256, 3, np.uint8)
            Image.fromarray(np.tile(colour, (9, 9, 1))).save(
                folder / "val" / name / f"{number}.png"
            )
            colours.append(colour / 255)
            labels.append(label)
    return Classified(folder, np.array(colours), np.array(labels))


@dataclass(frozen=True)
class Blocks:
    """A folder of pictures with masks: labels [N, H, W] count from 0, the background."""

    folder: Path
    labels: Array


def write_blocks(folder: Path, count: int = 3) -> Blocks:
    """Blocks of colours, as ``CLASSES`` name them, on black; some pixels are left out (255)."""
    random = np.random.default_rng(1)
    height, width = SIDES
    shape = (count, height // BLOCK, width // BLOCK)
    labels = random.integers(0, 4, shape).repeat(BLOCK, 1).repeat(BLOCK, 2)
    colours = np.vstack([np.zeros((1, 3)), 255 * np.eye(3)]).astype(np.uint8)
    for part in ("images", "masks"):
        (folder / "val" / part).mkdir(parents=True)
    for number, truth in enumerate(labels):
        Image.fromarray(colours[truth]).save(folder / f"val/images/{number}.png")
        truth[:3] = 255
        Image.fromarray(truth.astype(np.uint8)).save(folder / f"val/masks/{number}.png")
    names = "\n".join(("background", *CLASSES))
    (folder / "classes.txt").write_text(f"{names}\n", encoding="utf-8")
    return Blocks(folder, labels)
