"""Our int8 files in both CPU libraries, as their back ends give them to these, without a build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pytest

from engines.backends._quantized.adapting import adapt_to_onnxruntime, adapt_to_openvino
from exporter.graph.regions import Graph, label
from exporter.precisions._quantized import convolutions
from tests.exporter.precisions.test_quantized import quantized, seen
from tests.exporter.small_nets import Array, copied, run

ENGINES = ("onnxruntime", "openvino")
_CONVOLUTIONS = {"Conv", "FusedConv", "Convolution", "GroupConvolution"}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The outputs of an engine, and how many of its convolutions run in float32."""

    outputs: Sequence[Array]
    wide: int


def whole(parent: onnx.ModelProto) -> onnx.ModelProto:
    """The file with all layers in 8 bits, heads among them."""
    labels = frozenset(label(node) for node in convolutions(Graph(parent)))
    return quantized(parent, evidence=replace(seen(parent), heads=labels))


def meant_wide(file: onnx.ModelProto) -> int:
    """How many convolutions a file has in float32."""
    stored = {o for n in file.graph.node if n.op_type == "DequantizeLinear" for o in n.output}
    return sum(n.op_type == "Conv" and n.input[1] not in stored for n in file.graph.node)


def ran(name: str, file: onnx.ModelProto, images: Array) -> Ran:
    """The file in a library as the back end ``name`` adapts it."""
    pytest.importorskip(name)
    return {"onnxruntime": in_onnxruntime, "openvino": in_openvino}[name](copied(file), images)


def in_onnxruntime(file: onnx.ModelProto, images: Array) -> Ran:
    import onnxruntime as ort

    adapt_to_onnxruntime(file)
    onnx.checker.check_model(file, full_check=True)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    with TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(path)
        ort.InferenceSession(file.SerializeToString(), options, ["CPUExecutionProvider"])
        kinds = [node.op_type for node in onnx.load(path).graph.node]
    found = run(file, images, optimised=True)
    return Ran(outputs=found, wide=sum(kind in _CONVOLUTIONS for kind in kinds))


def in_openvino(file: onnx.ModelProto, images: Array) -> Ran:
    import openvino

    adapt_to_openvino(file)
    onnx.checker.check_model(file, full_check=True)
    core = openvino.Core()
    graph = core.read_model(file.SerializeToString())
    graph.reshape(list(images.shape))
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    compiled = core.compile_model(graph, "CPU", config)
    found = compiled(images)
    nodes = compiled.get_runtime_model().get_ordered_ops()
    return Ran(
        outputs=[found[place] for place in range(len(compiled.outputs))],
        wide=sum(map(_is_wide, nodes)),
    )


def _is_wide(node: Any) -> bool:
    info = {key: value.value for key, value in node.get_rt_info().items()}
    return info["layerType"] in _CONVOLUTIONS and info["runtimePrecision"] == "f32"


def off(found: Array, expected: Array) -> float:
    """The root mean square of the error over that of what is expected."""
    size = max(float(np.linalg.norm(expected)), 1e-30)
    return float(np.linalg.norm(np.asarray(found, np.float64) - expected)) / size


def assert_right(name: str, parent: onnx.ModelProto, images: Array) -> None:
    """That a library computes what our int8 file of ``parent`` says: as near to it as the file is
    to the parent, or twice that, and no layer in float32 that the file has in 8 bits."""
    file = whole(parent)
    expected, own, engine = run(parent, images), run(file, images), ran(name, file, images)
    for wanted, said, found in zip(expected, own, engine.outputs, strict=True):
        assert off(found, said) <= max(2 * off(said, wanted), 0.02)
    assert engine.wide <= meant_wide(file)
