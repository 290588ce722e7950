"""The graph that an engine is made of, as an ONNX file that its library compiles on any machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engines.backends._quantized.adapting import adapt_to_onnxruntime, adapt_to_openvino
from engines.graph.outputs import forget_shapes, unconfirmed_shapes
from sizewise.core.errors import BuildError
from sizewise.core.onnxfiles.weights import bytes_of, graph_of, take_in, too_large
from sizewise.core.specs import EngineSpec, ExportedModel, is_quantized, precision_parts

if TYPE_CHECKING:
    from onnx import ModelProto


def write_portable(model: ExportedModel, spec: EngineSpec, path: Path) -> None:
    """Write what the back end of ``spec``, ``onnxruntime`` or ``openvino``, optimises for an engine
    of ``model``: quantized layers as the library gets them right, the batch in the input's shape,
    and of a static engine the size as well.

    Raises BuildError where it does not fit into one file, and OSError.
    """
    import onnx

    proto = graph_of(model.path)
    if why := too_large(bytes_of(proto)):
        raise BuildError(
            f"{model.path} can't be written for an engine",
            why,
            "Use the engine where it was built: sizewise serve runs it.",
        )
    take_in(model.path, proto)
    _adapt(proto, model, spec)
    _fix_inputs(proto, model, spec)
    onnx.save(proto, path)


def _adapt(proto: ModelProto, model: ExportedModel, spec: EngineSpec) -> None:
    """As ``build`` of the two back ends does it."""
    precision = model.card.precision
    if spec.backend == "openvino":
        if is_quantized(precision):
            adapt_to_openvino(proto, mixed=len(precision_parts(precision)) > 1)
        return
    if precision == "int8":
        adapt_to_onnxruntime(proto)
    if not model.card.parity:
        forget_shapes(proto, unconfirmed_shapes(model.path))


def _fix_inputs(proto: ModelProto, model: ExportedModel, spec: EngineSpec) -> None:
    image = model.image
    wanted = spec.fixed_shape(image)
    for tensor in proto.graph.input:
        if tensor.name != image.tensor.name:
            continue
        for axis, dimension in enumerate(tensor.type.tensor_type.shape.dim):
            if axis == 0 or spec.strategy == "static":
                dimension.dim_value = wanted[axis]
