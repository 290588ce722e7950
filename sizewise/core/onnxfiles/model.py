"""ONNX files: read as an ExportedModel, and written with a card.

The one place that both the exporter and the engines read ONNX files through. ``onnx`` is imported
inside the functions: a child that opens a built engine does not need it.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.files import demand_file, open_file
from sizewise.core.onnxfiles.weights import demand_readable, demand_whole, locations, take_in
from sizewise.core.specs import RGB, Dimension, ExportedModel, ModelCard, SaidInput, TensorSpec

if TYPE_CHECKING:
    import onnx

CARD_KEY = "sizewise"
LATER = {"preprocessing": RGB, "inputs": (), "deviations.part": ""}
"""Fields of cards that came later: at their defaults they are left out, so that the same export
gives the same bytes as before, and what was built and measured of them stays."""
_QUANTIZERS = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
_SUPPRESSORS = ("NonMaxSuppression", "NMS")
_PRECISIONS = {"float16": "fp16", "bfloat16": "bf16"}


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal. Raises OSError, also where it is no file."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of_model(path: Path, proto: onnx.ModelProto) -> str:
    """The hash of the file, together with its weight files where it has some."""
    beside = locations(proto)
    hashes = [sha256_of(path), *(sha256_of(path.parent / name) for name in beside)]
    return hashes[0] if not beside else hashlib.sha256("".join(hashes).encode()).hexdigest()


def load_onnx(path: Path, *, weights: bool = True) -> onnx.ModelProto:
    """Parse and check an ONNX file; without ``weights``, those beside the file stay there.

    Raises InputError with the checker's own sentence.
    """
    import onnx
    from google.protobuf.message import DecodeError

    demand_file(path)
    demand_readable(path)
    try:
        model = onnx.load(path, load_external_data=False)
        demand_whole(path, model)
        # By its path, the checker finds weights beside the file, however large they are.
        onnx.checker.check_model(str(path) if locations(model) else model)
        if weights:
            take_in(path, model)
    except (DecodeError, onnx.checker.ValidationError, OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path} isn't a valid ONNX file", first, "Export it again, or check the download."
        ) from error
    return model


def read_model(path: Path) -> ExportedModel:
    """Any ONNX file; one without our card gets a card that claims nothing but its file's name."""
    proto = load_onnx(path, weights=False)
    weights = {tensor.name for tensor in proto.graph.initializer}
    return ExportedModel(
        path=path.resolve(),
        sha256=_sha256_of_model(path, proto),
        card=_read_card(proto, path),
        opset_version=next(
            (o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 0
        ),
        inputs=tuple(_tensor(i) for i in proto.graph.input if i.name not in weights),
        outputs=tuple(_tensor(o) for o in proto.graph.output),
        nms=_does_nms(proto.graph) or any(_does_nms(part) for part in proto.functions),
    )


def with_inputs(model: ExportedModel, inputs: tuple[SaidInput, ...]) -> ExportedModel:
    """``model``, whose further inputs are given ``inputs``: a file does not say those of files."""
    return replace(model, card=replace(model.card, inputs=inputs))


def write_card(proto: onnx.ModelProto, card: ModelCard) -> None:
    """Put ``card`` into the model's metadata, in place of one that is there. Files that inputs were
    given are of this machine, and are left out."""
    card = replace(card, inputs=tuple(one for one in card.inputs if not one.file))
    others = {p.key: p.value for p in proto.metadata_props if p.key != CARD_KEY}
    del proto.metadata_props[:]
    for key, value in (others | {CARD_KEY: codec.to_json_without(card, LATER)}).items():
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
