"""A small network with a card that says what it is, and sizes to convert it at."""

from __future__ import annotations

from pathlib import Path

import onnx

from exporter.conversion.settings import ConversionSettings
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, ModelCard, Size
from tests.exporter.small_nets import Chain

SIZES = (Size(32, 32), Size(64, 32))
OUTSIDE = (*SIZES, Size(64, 96))
NOISE = ConversionSettings(sizes=SIZES, check_sizes=OUTSIDE)
NET = Chain(["leaky", "norm", "leaky", "concat"])
CARD = ModelCard(network="chain", task="detection", layout="b_4c_n", stride=32, classes=("a", "b"))


def saved(proto: onnx.ModelProto, folder: Path) -> ExportedModel:
    onnx.save(proto, folder / "net.onnx")
    return read_model(folder / "net.onnx")


def quantized_layers(model: ExportedModel) -> set[str]:
    nodes = onnx.load(model.path).graph.node
    return {n.name for n in nodes if n.op_type == "Conv" and n.input[1].endswith("dequantized")}
