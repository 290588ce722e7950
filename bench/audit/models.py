"""Small networks for an audit, as ONNX files that are made with onnx alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sizewise.core.files import written_whole
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard, Size

Array = NDArray[Any]
CHANNELS = 32
CHAIN_SIZE = Size(64, 64)
"""At this size the maps of a chain fit into a core's own cache, so that the time of a convolution
is its arithmetic."""
SMALL, LARGE = Size(160, 160), Size(416, 416)
"""Sizes of the pyramid: a call of a tenth of a millisecond or more, and one of some milliseconds,
as of a small detector."""


def write_chain(path: Path, convolutions: int) -> ExportedModel:
    """So many equal convolutions, one after another, behind a first one of a tenth of their work.

    Eleven of them take about a tenth longer than ten: a difference that is known beforehand.
    """
    layers = [_conv(3, CHANNELS), *[_conv(CHANNELS, CHANNELS)] * convolutions]
    return _write(path, chain_name(convolutions), layers, pooled=True)


def chain_name(convolutions: int) -> str:
    """The name of such a network."""
    return f"convolutions-{convolutions}"


def write_pyramid(path: Path) -> ExportedModel:
    """A network like a small detector's backbone: its map is halved three times, and its output
    has 8 channels for each place."""
    layers = [
        *(_conv(3, 16, stride=2), _conv(16, 32, stride=2), _conv(32, 64, stride=2)),
        *(_conv(64, 64), _conv(64, 64), _conv(64, 8, side=1)),
    ]
    return _write(path, "pyramid", layers, pooled=False)


_Layer = tuple[int, int, int, int]
"""Channels taken and given, side of the kernel, stride."""


def _conv(taken: int, given: int, *, side: int = 3, stride: int = 1) -> _Layer:
    return taken, given, side, stride


def _write(path: Path, name: str, layers: Sequence[_Layer], *, pooled: bool) -> ExportedModel:
    """A ReLU follows each convolution; where it is ``pooled``, its output is one mean for each
    channel."""
    proto = helper.make_model(
        helper.make_graph(
            list(_nodes(layers, pooled=pooled)),
            name,
            [_tensor("images", "batch", 3, "height", "width")],
            [_tensor("maps", "batch", layers[-1][1], *((1, 1) if pooled else ("rows", "columns")))],
            list(_weights(layers)),
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    write_card(proto, ModelCard(network=name, stride=8))
    with written_whole(path) as draft:
        onnx.save(proto, draft)
    return read_model(path)


def _nodes(layers: Sequence[_Layer], *, pooled: bool) -> Iterator[onnx.NodeProto]:
    last = len(layers) - 1
    for number, (_, _, side, stride) in enumerate(layers):
        given = "images" if number == 0 else f"r{number - 1}"
        made = "maps" if number == last and not pooled else f"r{number}"
        yield helper.make_node(
            "Conv",
            [given, f"w{number}", f"b{number}"],
            [f"c{number}"],
            name=f"conv{number}",
            strides=[stride, stride],
            pads=[side // 2] * 4,
        )
        yield helper.make_node("Relu", [f"c{number}"], [made])
    if pooled:
        yield helper.make_node("GlobalAveragePool", [f"r{last}"], ["maps"])


def _weights(layers: Sequence[_Layer]) -> Iterator[onnx.TensorProto]:
    """Values keep their size from layer to layer (He et al., "Delving Deep into Rectifiers", ICCV
    2015), so that none is denormal, which would take longer."""
    random = np.random.default_rng(0)
    for number, (taken, given, side, _) in enumerate(layers):
        scale = np.sqrt(2 / (taken * side**2))
        weight = random.standard_normal((given, taken, side, side)) * scale
        yield numpy_helper.from_array(weight.astype(np.float32), f"w{number}")
        yield numpy_helper.from_array(np.full(given, 0.01, np.float32), f"b{number}")


def _tensor(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
