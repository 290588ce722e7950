"""ONNX files: read as an ExportedModel, and written with a card.

The one place that both the exporter and the engines read ONNX files through. ``onnx`` is imported
inside the functions: a child that opens a built engine does not need it.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.specs import RGB, Dimension, ExportedModel, ModelCard, TensorSpec

if TYPE_CHECKING:
    import onnx

CARD_KEY = "sizewise"
_LATER = {"preprocessing": RGB, "deviations.part": ""}
"""Fields of cards that came later: at their defaults they are left out, so that the same export
gives the same bytes as before, and what was built and measured of them stays."""
_QUANTIZERS = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
_SUPPRESSORS = ("NonMaxSuppression", "NMS")
_PRECISIONS = {"float16": "fp16", "bfloat16": "bf16"}


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of_model(path: Path) -> str:
    """The hash of the file, together with its weight files where it has some."""
    beside = weights_beside(path)
    hashes = [sha256_of(path), *(sha256_of(path.parent / name) for name in beside)]
    return hashes[0] if not beside else hashlib.sha256("".join(hashes).encode()).hexdigest()


def weights_beside(path: Path) -> tuple[str, ...]:
    """The files that hold its weights, relative to its folder; none where it holds them itself."""
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    proto = onnx.load(path, load_external_data=False)
    outside = {
        ExternalDataInfo(tensor).location
        for tensor in _tensors(proto)
        if uses_external_data(tensor)
    }
    return tuple(sorted(outside))


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All that a file holds: initializers and attributes, of subgraphs and functions, too."""
    yield from _tensors_of(proto.graph)
    for function in proto.functions:
        for node in function.node:
            yield from _tensors_in(node)


def _tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _tensors_in(node)


def _tensors_in(node: onnx.NodeProto) -> Iterator[onnx.TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        sparse = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
        for one in (*sparse, *attribute.sparse_tensors):
            yield from (one.values, one.indices)
        for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            yield from _tensors_of(graph)


def load_onnx(path: Path) -> onnx.ModelProto:
    """Parse and check an ONNX file. Raises InputError with the checker's own sentence."""
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise InputError(
            f"{path} can't be opened", "there is no such file", "Check the path and try again."
        )
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path} isn't a valid ONNX file", first, "Export it again, or check the download."
        ) from error
    return model


def read_model(path: Path) -> ExportedModel:
    """Any ONNX file; one without our card gets a card that claims nothing but its file's name."""
    proto = load_onnx(path)
    weights = {tensor.name for tensor in proto.graph.initializer}
    return ExportedModel(
        path=path.resolve(),
        sha256=_sha256_of_model(path),
        card=_read_card(proto, path),
        opset_version=next(
            (o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 0
        ),
        inputs=tuple(_tensor(i) for i in proto.graph.input if i.name not in weights),
        outputs=tuple(_tensor(o) for o in proto.graph.output),
        nms=_does_nms(proto.graph) or any(_does_nms(part) for part in proto.functions),
    )


def write_card(proto: onnx.ModelProto, card: ModelCard) -> None:
    """Put ``card`` into the model's metadata, in place of one that is there."""
    others = {p.key: p.value for p in proto.metadata_props if p.key != CARD_KEY}
    del proto.metadata_props[:]
    for key, value in (others | {CARD_KEY: codec.to_json_without(card, _LATER)}).items():
        proto.metadata_props.add(key=key, value=value)


def _read_card(proto: onnx.ModelProto, path: Path) -> ModelCard:
    for entry in proto.metadata_props:
        if entry.key == CARD_KEY:
            try:
                return codec.from_json(entry.value, ModelCard)
            except (msgspec.ValidationError, msgspec.DecodeError) as error:
                raise InputError(
                    f"The card inside {path} can't be read",
                    str(error),
                    "Export the model again with this version of sizewise.",
                ) from error
    return ModelCard(network=path.stem, precision=_precision(proto))


def _precision(proto: onnx.ModelProto) -> str:
    """The precision of a file without a card: by its quantisers, else by the type of most of its
    weights."""
    import onnx

    bytes_of: Counter[str] = Counter()
    for tensor in proto.graph.initializer:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        bytes_of[dtype.name] += math.prod(tensor.dims) * dtype.itemsize
    if any(node.op_type in _QUANTIZERS for node in proto.graph.node):
        return "fp8" if any(name.startswith("float8") for name in bytes_of) else "int8"
    floats = {name: size for name, size in bytes_of.items() if "float" in name}
    return _PRECISIONS.get(max(floats, key=floats.__getitem__, default=""), "fp32")


def _does_nms(graph: onnx.GraphProto | onnx.FunctionProto) -> bool:
    """Whether an operator does NMS: ONNX's, or a plug-in whose name has it (``EfficientNMS_TRT``).
    It may stand in a branch or a loop."""
    return any(
        any(name in node.op_type for name in _SUPPRESSORS)
        or any(_does_nms(inner) for given in node.attribute for inner in (given.g, *given.graphs))
        for node in graph.node
    )


def _tensor(value: onnx.ValueInfoProto) -> TensorSpec:
    import onnx

    tensor = value.type.tensor_type
    shape: list[Dimension] = []
    for axis, dimension in enumerate(tensor.shape.dim):
        if dimension.HasField("dim_value") and dimension.dim_value > 0:
            shape.append(dimension.dim_value)
        else:
            shape.append(dimension.dim_param or f"{value.name}_{axis}")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    return TensorSpec(name=value.name, dtype=dtype, shape=tuple(shape))
