"""The file that ONNX Runtime optimises: a model as it is, or a copy that it gets right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.backends._quantized.saturation import demand_room, takes_all_bits
from engines.backends._quantized.unshared import unshare_weights
from engines.backends._quantized.unsigned import make_unsigned
from sizewise.core.errors import BuildError
from sizewise.core.onnxfile import weights_beside
from sizewise.core.specs import EngineSpec, ExportedModel

if TYPE_CHECKING:
    from onnx import ModelProto


def source_of(
    model: ExportedModel, spec: EngineSpec, path: Path, *, on_cpu: bool, whole_products: bool
) -> Path:
    """The file to optimise: as it is, or a copy at ``path``.

    The copy has its size fixed, its activations unsigned or its weights inside: an optimised graph
    looks for external weights beside itself, in its own folder. Without ``whole_products``, the CPU
    may clip sums of 8-bit products: raises EngineMismatchError where it would.
    """
    import onnx

    signed = model.card.precision == "int8" and on_cpu
    if spec.strategy != "static" and not signed and not weights_beside(model.path):
        return model.path
    proto = onnx.load(model.path)
    if signed:
        if not whole_products:
            demand_room(proto, spec.backend)
        make_unsigned(proto)
        if takes_all_bits(proto):
            unshare_weights(proto)
    if spec.strategy == "static":
        _fix_input(proto, model, spec)
    onnx.save(proto, path)
    return path


def expect_shape(session: Any, model: ExportedModel, spec: EngineSpec) -> None:
    """Raises BuildError where a static engine has another shape than was requested."""
    if spec.strategy != "static":
        return
    requested = list(spec.fixed_shape(model.image))
    (found,) = (i.shape for i in session.get_inputs() if i.name == model.image.tensor.name)
    if found != requested:
        raise BuildError(
            "onnxruntime did not build the requested engine",
            f"its input has the shape {found}, not {requested}",
            "Report this with the model: a static engine must have one size.",
        )


def _fix_input(proto: ModelProto, model: ExportedModel, spec: EngineSpec) -> None:
    """Write batch and size into the graph's input.

    Dimensions are fixed by their place, not by their name: many files name none, and the override
    by name ignores a name that it does not find.
    """
    wanted = spec.fixed_shape(model.image)
    (tensor,) = (i for i in proto.graph.input if i.name == model.image.tensor.name)
    for dimension, number in zip(tensor.type.tensor_type.shape.dim, wanted, strict=True):
        dimension.dim_value = number
