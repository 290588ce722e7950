"""Detectors that give boxes in pixels and scores in one tensor, which int8 quantizes as one.

Its steps are those of the boxes, nearly a pixel, so that every score becomes 0.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard, Size
from tests.exporter.small_nets import Net
from tests.sizewise.cli.colour_nets import DETECTOR, boxes_and_scores

SIZES = (Size(96, 64), Size(192, 128))
"""In the shape of ``tests.bench.pictures``. At the second, boxes reach 112 pixels."""
MIXED = replace(DETECTOR, layout="b_4c_n")
CLASSES, CANDIDATES = 2, 3
_TO_CENTRES = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])


def mixed_detector(
    path: Path, card: ModelCard | None = MIXED, *, declared: bool = True
) -> ExportedModel:
    """Of ``tests.sizewise.cli.colour_nets``, as [B, 4 + 2, 3] or what the layout of ``card`` says:
    of three equal boxes, the first scores best. Its shape is ``declared``, or free."""
    layout = card.layout if card else "b_4c_n"
    net = Net()
    rows = net.add("Transpose", _shared(net, objectness=layout == "b_n_5c"), perm=[0, 2, 1])
    shape: list[int | str] = ["batch", CANDIDATES, 4 + CLASSES]
    if layout == "b_4c_n":
        rows, shape = net.add("Transpose", rows, perm=[0, 2, 1]), [shape[0], shape[2], shape[1]]
    elif layout == "b_n_5c":
        shape[2] = 5 + CLASSES
    elif layout == "b_n_6":
        boxes, best, label = _chosen(net, rows)
        label = net.add("Cast", label, to=onnx.TensorProto.FLOAT)
        rows = net.add("Concat", boxes, best, label, axis=2)
    net.nodes.append(onnx.helper.make_node("Identity", [rows], ["found"]))
    proto = net.model({"found": 3})
    if declared:
        for place, side in zip(
            proto.graph.output[0].type.tensor_type.shape.dim, shape, strict=True
        ):
            setattr(place, "dim_value" if isinstance(side, int) else "dim_param", side)
    if card is not None:
        write_card(proto, card)
    onnx.save(proto, path)
    return read_model(path)


def separate_detector(path: Path, card: ModelCard | None) -> ExportedModel:
    """The same, as boxes [B, 3, 4], scores [B, 3] and labels int64 [B, 3], in that order."""
    net = Net()
    rows = net.add("Transpose", _shared(net, objectness=False), perm=[0, 2, 1])
    boxes, best, label = _chosen(net, rows)
    last = net.hold(np.array([2]))
    made = (boxes, net.add("Squeeze", best, last), net.add("Squeeze", label, last))
    axes = {"boxes": 3, "scores": 2, "labels": 2}
    for name, value in zip(axes, made, strict=True):
        net.nodes.append(onnx.helper.make_node("Identity", [value], [name]))
    proto = net.model(axes)
    proto.graph.output[2].type.tensor_type.elem_type = onnx.TensorProto.INT64
    proto.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 4
    if card is not None:
        write_card(proto, card)
    onnx.save(proto, path)
    return read_model(path)


def shared_layer(model: ExportedModel) -> str:
    """The layer that int8 harms: the convolution of boxes and scores before the last."""
    names = [node.name for node in onnx.load(model.path).graph.node if node.op_type == "Conv"]
    return names[-2]


def _shared(net: Net, *, objectness: bool) -> str:
    """[B, channels, N] behind two convolutions that change nothing together.

    The Expand changes nothing, either: without it, the convolutions would be of pooled values
    alone, which stay out of 8 bits.
    """
    boxes, scores = boxes_and_scores(net)
    parts = [net.add("MatMul", boxes, net.hold(_TO_CENTRES))]
    if objectness:
        parts.append(net.add("ReduceMax", scores, axes=[2]))
    rows = net.add("Concat", *parts, net.add("Mul", scores, net.hold([0.5])), axis=2)
    channels = 4 + CLASSES + objectness
    weaker = np.ones((1, CANDIDATES, channels))
    weaker[:, 1:, 4:] = [[[0.1], [0.05]]]
    several = net.add("Mul", rows, net.hold(weaker))
    several = net.add("Expand", several, net.hold(np.array([1, 1, 1])))
    map_ = net.add(
        "Reshape",
        net.add("Transpose", several, perm=[0, 2, 1]),
        net.hold(np.array([0, channels, CANDIDATES, 1])),
    )
    for factor in (0.9, 1 / 0.9):
        weights = factor * np.eye(channels)[:, :, np.newaxis, np.newaxis]
        map_ = net.add("Conv", map_, net.hold(weights))
    return net.add("Reshape", map_, net.hold(np.array([0, channels, CANDIDATES])))


def _chosen(net: Net, rows: str) -> tuple[str, str, str]:
    """Boxes as centres [B, N, 4], the best score and its class (int64), both [B, N, 1]."""
    numbers = {n: net.hold(np.array([n])) for n in (0, 2, 4, 6)}
    boxes = net.add("Slice", rows, numbers[0], numbers[4], numbers[2])
    scores = net.add("Slice", rows, numbers[4], numbers[6], numbers[2])
    return boxes, net.add("ReduceMax", scores, axes=[2]), net.add("ArgMax", scores, axis=2)
