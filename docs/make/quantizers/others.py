"""Other quantizers, given an FP32 file and pictures: NNCF for OpenVINO, ONNX Runtime's own.

NNCF has its performance preset (``pip install nncf``), ONNX Runtime's the forms that its
documentation has for x86. Both quantize the decode as well, unless they are told not to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto

from exporter.graph.passes import run_pass
from exporter.graph.regions import Graph
from exporter.precisions._prepare import Prepare
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.onnxfiles.model import load_onnx

Pictures = Sequence[Mapping[str, NDArray[Any]]]
"""The inputs of a graph, by name, of each picture."""
FORMS: dict[str, tuple[str, str, bool, bool]] = {
    "U8S8": ("QUInt8", "QInt8", False, False),
    "U8S8, per channel": ("QUInt8", "QInt8", True, False),
    "U8S8, per channel, 7 bits": ("QUInt8", "QInt8", True, True),
    "S8S8, per channel": ("QInt8", "QInt8", True, False),
}
"""Types of activations and weights, whether these have a scale for each channel, and
``reduce_range``."""
_CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution", "ConvolutionBackpropData"})
_OPSET = 13
"""The first with a scale for each channel."""
_NO_WORK = frozenset({"Constant", "Parameter", "Result"})


def write_nncf(parent: Path, pictures: Pictures, path: Path, *, decode: bool = True) -> None:
    """Write OpenVINO's own format; without ``decode``, nothing behind the last convolutions is
    quantized. Raises ImportError without NNCF."""
    openvino = load_openvino()
    import nncf

    graph = openvino.Core().read_model(parent)
    names = [] if decode else list(_after_heads(graph))
    quantized = nncf.quantize(
        graph,
        nncf.Dataset([next(iter(one.values())) for one in pictures]),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(pictures),
        ignored_scope=nncf.IgnoredScope(names=names, validate=False),
    )
    openvino.save_model(quantized, path, compress_to_fp16=False)


def write_ort(
    parent: Path, pictures: Pictures, path: Path, form: str, *, decode: bool = True
) -> None:
    """Write ONNX Runtime's QDQ format in one of ``FORMS``; without ``decode``, nothing behind the
    last layers is quantized."""
    load_onnxruntime()
    from onnxruntime import quantization as of

    # It takes constants for weights that are held as initializers alone.
    graph = run_pass(Prepare("int8", _OPSET), load_onnx(parent))
    activations, weights, each, reduced = FORMS[form]
    of.quantize_static(
        graph,
        path,
        _Reader(iter(pictures)),
        quant_format=of.QuantFormat.QDQ,
        activation_type=getattr(of.QuantType, activations),
        weight_type=getattr(of.QuantType, weights),
        per_channel=each,
        reduce_range=reduced,
        nodes_to_exclude=[] if decode else list(_decode(graph)),
    )


def load_openvino() -> Any:
    """The library, which reports itself over the net where it can."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _decode(model: ModelProto) -> Iterator[str]:
    """The names of the nodes behind the last layers."""
    graph = Graph(model)
    heads = graph.heads()
    upto = graph.above(heads) | {node.output[0] for node in heads}
    yield from (node.name for node in graph.nodes if node.output[0] not in upto)


def _after_heads(graph: Any) -> Iterator[str]:
    """The names of the operations of OpenVINO's graph behind its last convolutions; the sum with a
    bias belongs to the convolution."""
    ordered = graph.get_ordered_ops()
    before: set[str] = set()
    for op in reversed(ordered):
        readers = [one.get_node() for given in op.outputs() for one in given.get_target_inputs()]
        if any(_is_convolution(one) or one.get_friendly_name() in before for one in readers):
            before.add(op.get_friendly_name())
    heads: set[str] = set()
    for op in ordered:
        name, given = op.get_friendly_name(), [one.get_node() for one in op.input_values()]
        is_bias = op.get_type_name() == "Add" and any(_is_constant(one) for one in given)
        of_head = any(_is_convolution(one) and one.get_friendly_name() in heads for one in given)
        if name in before or op.get_type_name() in _NO_WORK:
            continue
        if _is_convolution(op) or (is_bias and of_head):
            heads.add(name)
        else:
            yield name


def _is_convolution(op: Any) -> bool:
    return op.get_type_name() in _CONVOLUTIONS


def _is_constant(op: Any) -> bool:
    return op.get_type_name() == "Constant"


class _Reader:
    """Pictures one by one, as ONNX Runtime's quantizer asks for them."""

    def __init__(self, pictures: Iterator[Mapping[str, NDArray[Any]]]) -> None:
        self._pictures = pictures

    def get_next(self) -> Mapping[str, NDArray[Any]] | None:
        return next(self._pictures, None)
