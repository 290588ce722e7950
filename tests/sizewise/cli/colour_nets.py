"""Small convolutional networks that are right about ``tests.bench.pictures``, and such with layers
that int8 can't hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard
from tests.bench.models import CARD
from tests.bench.pictures import BOX, HEIGHT, WIDTH
from tests.exporter.small_nets import CHANNELS, Array, Net

SIZES = "48x32,96x64"
"""In the shape of the pictures, so that nothing is padded."""
DETECTOR = replace(CARD, stride=16)
SEGMENTER = ModelCard(network="light", task="segmentation", stride=16)
LAYERS = 4
"""Before the head."""
_DEAD, _RED, _GREEN, _BLUE = range(4)
_OUTLIER = 400.0


def layer(index: int) -> str:
    """What it is called; 0 is the first, ``LAYERS`` the head."""
    return f"n_conv{2 * index}"


def colour_detector(
    path: Path, *, spoilt: Collection[int] = (), card: ModelCard | None = DETECTOR
) -> ExportedModel:
    """Finds the rectangle of every picture, red and blue each as likely as the picture is of that
    colour. ``spoilt`` are inner layers whose weights fall between the steps of an 8-bit scale. No
    ``card`` makes it foreign."""
    net = Net()
    boxes, scores = boxes_and_scores(net, spoilt)
    return _saved(net, {boxes: "boxes", scores: "scores"}, 3, path, card)


def boxes_and_scores(net: Net, spoilt: Collection[int] = ()) -> tuple[str, str]:
    """The answers of :func:`colour_detector`: [B, 1, 4] as corners, and [B, 1, 2]."""
    means = net.add("GlobalAveragePool", _head(net, spoilt, [[_RED], [_BLUE]]))
    shares = np.array(BOX) / (WIDTH, HEIGHT, WIDTH, HEIGHT)
    flat = net.add("Reshape", means, net.hold(np.array([-1, 1, 2])))
    scores = net.add("Sigmoid", flat)
    sides = net.add("Cast", net.add("Shape", "images", start=2), to=onnx.TensorProto.FLOAT)
    box = net.add("Gather", sides, net.hold(np.array([1, 0, 1, 0])))
    zeros = net.add("Mul", net.add("ReduceSum", scores, net.hold(np.array([2]))), net.hold([0.0]))
    return net.add("Add", zeros, net.add("Mul", box, net.hold(shares))), scores


def colour_segmenter(path: Path, *, spoilt: Collection[int] = ()) -> ExportedModel:
    """Takes for an object what is brighter than six tenths."""
    net = Net()
    light = _head(net, spoilt, [[_RED, _GREEN, _BLUE]])
    logits = net.add("Sub", light, net.hold([3 * 0.6]))
    return _saved(net, {logits: "mask_logits"}, 4, path, SEGMENTER)


def _head(net: Net, spoilt: Collection[int], sums: Sequence[Sequence[int]]) -> str:
    """``LAYERS`` that hand the colours on, and one that sums channels."""
    first = np.zeros((CHANNELS, 3, 3, 3))
    first[_RED : _BLUE + 1, :, 1, 1] = np.eye(3) * 0.99
    value = _layer(net, "images", first)
    for index in range(1, LAYERS):
        weights = net.random.normal(0, 0.02, (CHANNELS, CHANNELS, 3, 3))
        weights[:, :, 1, 1] += np.eye(CHANNELS)
        weights[_DEAD] = 0
        weights[:, _DEAD] = _OUTLIER if index in spoilt else 0
        value = _layer(net, value, weights)
    last = np.zeros((len(sums), CHANNELS, 1, 1))
    for row, channels in enumerate(sums):
        last[row, channels] = 1
    last += net.random.normal(0, 1e-3, last.shape)
    return net.add("Conv", value, net.hold(last))


def _layer(net: Net, value: str, weights: Array) -> str:
    made = net.add("Conv", value, net.hold(weights), pads=[1] * 4)
    return net.add("Relu", made)


def _saved(
    net: Net, outputs: dict[str, str], axes: int, path: Path, card: ModelCard | None
) -> ExportedModel:
    for made, name in outputs.items():
        net.nodes.append(onnx.helper.make_node("Identity", [made], [name]))
    proto = net.model(dict.fromkeys(outputs.values(), axes))
    if card is not None:
        write_card(proto, card)
    onnx.save(proto, path)
    return read_model(path)
