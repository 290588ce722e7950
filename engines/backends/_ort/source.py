"""The file that ONNX Runtime optimises: a model as it is, or a copy that it gets right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.backends._quantized.adapting import adapt_to_onnxruntime
from engines.backends._quantized.saturation import demand_room
from engines.graph.outputs import forget_shapes, unconfirmed_shapes
from engines.inputs import input_shapes
from sizewise.core.errors import BuildError
from sizewise.core.further.resolving import further_of
from sizewise.core.onnxfiles.weights import bytes_of, locations, save, take_in, too_large
from sizewise.core.specs import EngineSpec, ExportedModel

if TYPE_CHECKING:
    from onnx import ModelProto


def source_of(
    model: ExportedModel,
    spec: EngineSpec,
    path: Path,
    keep_outside: Callable[[], None],
    *,
    on_cpu: bool,
    whole_products: bool,
) -> Path | bytes:
    """The file to optimise: as it is, or a copy at ``path``. Where its weights don't fit into one
    file, ``keep_outside`` is called, and it is the graph alone.

    The copy has its size fixed, its activations unsigned, no shapes that may be untrue, or its
    weights inside: an optimised graph looks for external weights beside itself, in its own folder.
    Without ``whole_products``, the CPU may clip sums of 8-bit products: raises EngineMismatchError
    where it would.
    """
    import onnx

    proto = onnx.load(model.path, load_external_data=False)
    large = bool(too_large(bytes_of(proto)))
    if large:
        keep_outside()
    signed = model.card.precision == "int8" and on_cpu
    # The outputs of a file of ours were compared with PyTorch's.
    untrue = frozenset[str]() if model.card.parity else unconfirmed_shapes(model.path)
    if not (spec.strategy == "static" or signed or locations(proto) or untrue):
        return model.path
    if signed or not large:
        take_in(model.path, proto)
    if signed:
        if not whole_products:
            demand_room(proto, spec.backend)
        adapt_to_onnxruntime(proto)
    forget_shapes(proto, untrue)
    if spec.strategy == "static":
        _fix_inputs(proto, model, spec)
    if large and not signed:
        return proto.SerializeToString()
    save(proto, path)
    return path


def expect_shape(session: Any, model: ExportedModel, spec: EngineSpec) -> None:
    """Raises BuildError where a static engine has another shape than was requested."""
    if spec.strategy != "static":
        return
    found = {tensor.name: tensor.shape for tensor in session.get_inputs()}
    for name, requested in _fixed_shapes(model, spec).items():
        if found[name] != list(requested):
            raise BuildError(
                "onnxruntime did not build the requested engine",
                f"its input {name} has the shape {found[name]}, not {list(requested)}",
                "Report this with the model: a static engine must have one size.",
            )


def _fix_inputs(proto: ModelProto, model: ExportedModel, spec: EngineSpec) -> None:
    """Write batch and size into the graph's inputs.

    Dimensions are fixed by their place, not by their name: many files name none, and the override
    by name ignores a name that it does not find.
    """
    wanted = _fixed_shapes(model, spec)
    for tensor in proto.graph.input:
        dimensions = tensor.type.tensor_type.shape.dim
        for dimension, number in zip(dimensions, wanted.get(tensor.name, ()), strict=False):
            dimension.dim_value = number


def _fixed_shapes(model: ExportedModel, spec: EngineSpec) -> dict[str, tuple[int, ...]]:
    size = spec.profiles[0].opt
    return input_shapes(model.image, further_of(model), spec.batch_size, size)
