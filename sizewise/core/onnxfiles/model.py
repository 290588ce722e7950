"""ONNX files: read as an ExportedModel, and written with a card.

The one place that both the exporter and the engines read ONNX files through. ``onnx`` is imported
inside the functions: a child that opens a built engine does not need it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.files import demand_file, open_file
from sizewise.core.onnxfiles.cards import CARD_KEY, read_card
from sizewise.core.onnxfiles.colours import with_channels
from sizewise.core.onnxfiles.ends import demand_shapes, tensors_of
from sizewise.core.onnxfiles.others import demand_onnx_name
from sizewise.core.onnxfiles.survey import Survey
from sizewise.core.onnxfiles.tensors import bytes_held, type_name
from sizewise.core.onnxfiles.weights import (
    demand_readable,
    demand_whole,
    graph_of,
    locations,
    take_in,
)
from sizewise.core.specs import RGB, ExportedModel, ModelCard, SaidInput

if TYPE_CHECKING:
    import onnx

LATER = {"preprocessing": RGB, "inputs": (), "deviations.part": "", "converter": 0, "kept_for": ()}
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

    Our own limits come first: what is checked after them is of a size that can be. Raises
    InputError, of the checker with its own sentence.
    """
    return _loaded(path, weights=weights)[0]


def _loaded(path: Path, *, weights: bool) -> tuple[onnx.ModelProto, Survey]:
    import onnx

    demand_onnx_name(path)
    demand_file(path)
    demand_readable(path)
    with _valid(path):
        model = graph_of(path)
        survey = Survey(path, model)
        demand_whole(path, model)
        demand_shapes(path, model.graph)
        # By its path, the checker finds weights beside the file, however large they are.
        onnx.checker.check_model(str(path) if locations(model) else model)
        if weights:
            take_in(path, model)
    return model, survey


@contextmanager
def _valid(path: Path) -> Iterator[None]:
    """Say what reading met in a file that is no valid one."""
    import onnx
    from google.protobuf.message import Error

    # The checker reads the places of sparse weights, and fails with the last one where it can't.
    of_onnx = (onnx.checker.ValidationError, onnx.shape_inference.InferenceError)
    try:
        yield
    except (Error, *of_onnx, OSError, ValueError, RecursionError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path} isn't a valid ONNX file", first, "Export it again, or check the download."
        ) from error


def read_model(path: Path) -> ExportedModel:
    """Any ONNX file; one without our card gets a card that claims nothing but its file's name."""
    proto, survey = _loaded(path, weights=False)
    with _valid(path):
        return _described(path, proto, survey)


def _described(path: Path, proto: onnx.ModelProto, survey: Survey) -> ExportedModel:
    weights = {tensor.name for tensor in proto.graph.initializer}
    weights |= {sparse.values.name for sparse in proto.graph.sparse_initializer}
    given = (value for value in proto.graph.input if value.name not in weights)
    # Where weights stand beside a link to the model, they do not stand beside what it leads to.
    at_home = path.parent.resolve() / path.name if locations(proto) else path.resolve()
    inputs = tensors_of(path, "input", given)
    return ExportedModel(
        path=at_home,
        sha256=_sha256_of_model(path, proto),
        card=read_card(proto, path) or _inferred(proto, path),
        opset_version=next(
            (o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 0
        ),
        inputs=tuple(with_channels(one, proto.graph) for one in inputs),
        outputs=tensors_of(path, "output", proto.graph.output),
        nms=_does_nms(proto.graph) or any(_does_nms(part) for part in proto.functions),
        foreign=survey.foreign,
    )


def with_inputs(model: ExportedModel, inputs: tuple[SaidInput, ...]) -> ExportedModel:
    """``model``, whose further inputs are given ``inputs``: a file does not say those of files."""
    return replace(model, card=replace(model.card, inputs=inputs))


def write_card(proto: onnx.ModelProto, card: ModelCard) -> None:
    """Put ``card`` into the model's metadata, in place of one that is there. Files that inputs were
    given are of this machine, and are left out."""
    card = replace(card, inputs=tuple(one for one in card.inputs if not one.file))
    # What others wrote stays as it is: it need not be text.
    earlier = [n for n, entry in enumerate(proto.metadata_props) if entry.key == CARD_KEY]
    for number in reversed(earlier):
        del proto.metadata_props[number]
    proto.metadata_props.add(key=CARD_KEY, value=codec.to_json_without(card, LATER))


def _inferred(proto: onnx.ModelProto, path: Path) -> ModelCard:
    return ModelCard(network=path.stem, precision=_precision(proto))


def _precision(proto: onnx.ModelProto) -> str:
    """The precision of a file without a card: by its quantisers, else by the type of most of its
    weights."""
    bytes_of: Counter[str] = Counter()
    for tensor in proto.graph.initializer:
        bytes_of[type_name(tensor.data_type).lower()] += bytes_held(tensor)
    if any(node.op_type in _QUANTIZERS for node in proto.graph.node):
        return "fp8" if any(name.startswith("float8") for name in bytes_of) else "int8"
    floats = {name: size for name, size in bytes_of.items() if "float" in name or name == "double"}
    return _PRECISIONS.get(max(floats, key=floats.__getitem__, default=""), "fp32")


def _does_nms(graph: onnx.GraphProto | onnx.FunctionProto) -> bool:
    """Whether an operator does NMS: ONNX's, or a plug-in whose name has it (``EfficientNMS_TRT``).
    It may stand in a branch or a loop."""
    return any(
        any(name in node.op_type for name in _SUPPRESSORS)
        or any(_does_nms(inner) for given in node.attribute for inner in (given.g, *given.graphs))
        for node in graph.node
    )
