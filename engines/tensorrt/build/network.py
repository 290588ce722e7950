"""An ONNX file as a network of TensorRT, strongly typed: layers run in the types of the graph.

TensorRT 11 knows no other way; 10.x is told so with a flag (NVIDIA's developer guide, "Strongly
Typed Networks").
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.tensorrt.build.mish import widen_mish
from engines.tensorrt.build.quantized import drop_output_pairs
from engines.tensorrt.log import Messages
from sizewise.core.errors import BuildError, EngineMismatchError
from sizewise.core.onnxfiles.model import load_onnx
from sizewise.core.onnxfiles.weights import bytes_of, locations, take_in, too_large
from sizewise.core.specs import ExportedModel, is_quantized

if TYPE_CHECKING:
    from onnx import ModelProto


def parse(trt: Any, builder: Any, model: ExportedModel, messages: Messages) -> Any:
    """The file as a network.

    Raises InputError where the file is no valid ONNX (the parser takes a file of two letters for an
    empty network), BuildError (``unsupported_operator``) with the parser's own words,
    EngineMismatchError (``unsupported_precision``) where types are not kept.
    """
    network = builder.create_network(creation_flags(trt))
    _demand_typing(trt, network)
    parser = trt.OnnxParser(network, builder.logger)
    source = source_of(model)
    parsed = (
        parser.parse_from_file(str(source)) if isinstance(source, Path) else parser.parse(source)
    )
    if not parsed:
        raise BuildError(
            f"{trt.__name__} can't read {model.path.name}",
            _why(parser) or messages.reason(),
            "Export the model without this operator, or choose another back end.",
            reason_code="unsupported_operator",
        )
    return network


def creation_flags(trt: Any) -> int:
    """Strong typing, by the flag where the module has it; without, there is no other."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _demand_typing(trt: Any, network: Any) -> None:
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    if flag is not None and not network.get_flag(flag):
        raise EngineMismatchError(
            f"{trt.__name__} {trt.__version__} did not make a strongly typed network",
            "it could run layers in another precision than the graph's",
            "Install TensorRT 10.8 or newer.",
            reason_code="unsupported_precision",
        )


def source_of(model: ExportedModel) -> Path | bytes:
    """The input of TensorRT's parser: the file where its weights stand beside it, else its bytes,
    adapted to TensorRT.

    Raises InputError where the file is no valid ONNX, BuildError (``unsupported_weights``) where it
    would have to be adapted and its weights don't fit into one file.
    """
    proto = load_onnx(model.path, weights=False)
    beside, large = locations(proto), too_large(bytes_of(proto))
    if not large:
        take_in(model.path, proto)
    if not _fit(proto, model.card.precision):
        return model.path if beside else model.path.read_bytes()
    if large:
        raise BuildError(
            f"{model.path.name} can't be adapted to TensorRT",
            large,
            "Export the model in another precision.",
            reason_code="unsupported_weights",
        )
    return bytes(proto.SerializeToString())


def _fit(proto: ModelProto, precision: str) -> int:
    """Adapt the graph, in place, to the forms that TensorRT takes; gives the number of changes."""
    dropped = drop_output_pairs(proto) if is_quantized(precision) else 0
    return dropped + widen_mish(proto)


def _why(parser: Any) -> str:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    return "; ".join(dict.fromkeys(map(_sentence, errors)))


def _sentence(error: Any) -> str:
    said = " ".join(error.desc().split())
    node = f"{error.node_operator()} (node {error.node_name()}): " if error.node_operator() else ""
    return f"{node}{error.code().name.lower().replace('_', ' ')}, {said}"
