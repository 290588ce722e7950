"""The weights of an ONNX file: in it or beside it, and how much they take.

A file that protobuf can read holds less than 2 GiB; larger models keep their weights beside it
("external data"). So nothing here needs their values. ``onnx`` is imported inside the functions, as
in ``sizewise.core.onnxfiles.model``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError

if TYPE_CHECKING:
    import onnx

MOST_BYTES = 1_800_000_000
"""Of the weights of a model in one file. Protobuf ends at 2 GiB; the rest is room for the graph and
for what a pass or an optimiser adds."""
_PROTOBUF_BYTES = 2**31
_GB = 1e9


def weights_beside(path: Path) -> tuple[str, ...]:
    """The files that hold its weights, relative to its folder; none where it holds them itself."""
    import onnx

    return locations(onnx.load(path, load_external_data=False))


def locations(proto: onnx.ModelProto) -> tuple[str, ...]:
    """The files that a graph names as those of its weights, each once."""
    from onnx.external_data_helper import ExternalDataInfo

    return tuple(sorted({ExternalDataInfo(tensor).location for tensor in _outside(proto)}))


def weights_bytes(path: Path) -> int:
    """The bytes of all weights of a file, those beside it included, without reading these."""
    import onnx

    return bytes_of(onnx.load(path, load_external_data=False))


def bytes_of(proto: onnx.ModelProto) -> int:
    """The bytes of all tensors of a graph by their types and shapes, wherever their values are."""
    import onnx

    dtype_of = onnx.helper.tensor_dtype_to_np_dtype
    return sum(
        math.prod(tensor.dims) * dtype_of(tensor.data_type).itemsize
        for tensor in all_tensors(proto)
    )


def too_large(size_bytes: int) -> str:
    """Why a model with so many bytes of weights does not fit into one file; empty where it does."""
    if size_bytes < MOST_BYTES:
        return ""
    return f"its weights take {size_bytes / _GB:.2f} GB, and one file holds {MOST_BYTES / _GB} GB"


def demand_readable(path: Path) -> None:
    """Raises InputError where a file is larger than protobuf can read."""
    if (size_bytes := path.stat().st_size) >= _PROTOBUF_BYTES:
        raise InputError(
            f"{path} can't be read",
            f"it is {size_bytes / _GB:.2f} GB, and an ONNX file holds less than 2 GiB",
            "Export it with its weights in a file beside it (external data).",
        )


def demand_whole(path: Path, proto: onnx.ModelProto) -> None:
    """Raises InputError where a file of weights is missing, a link, or shorter than the graph says.

    ONNX's checker refuses links as well, and does not look at lengths.
    """
    from onnx.external_data_helper import ExternalDataInfo

    for tensor in _outside(proto):
        info = ExternalDataInfo(tensor)
        end = (info.offset or 0) + (info.length or 0)
        if why := _fault(path.parent / info.location, tensor.name, end):
            raise InputError(
                f"{path} can't be read without its weights",
                why,
                f"Put the whole file {info.location} itself, not a link, beside {path.name}.",
            )


def _fault(weights: Path, name: str, end: int) -> str:
    """Why ``weights`` can't hold the tensor ``name``, which ends at the byte ``end``."""
    if weights.is_symlink():
        return f"{weights.name} is a symbolic link, which may lead out of the folder"
    if not weights.is_file():
        return f"there is no file {weights.name} in its folder"
    if (held := weights.stat().st_size) < end:
        return f"{weights.name} has {held:,} bytes, and the weight {name!r} ends at byte {end:,}"
    return ""


def take_in(path: Path, proto: onnx.ModelProto) -> None:
    """Read the values that stand beside the file ``path`` into its graph."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_tensor

    for tensor in _outside(proto):
        load_external_data_for_tensor(tensor, str(path.parent))
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def save(proto: onnx.ModelProto, path: Path) -> None:
    """Write a graph, with its weights in another file beside it where one can't hold them."""
    import onnx

    onnx.save(proto, path, save_as_external_data=bool(too_large(bytes_of(proto))))


def _outside(proto: onnx.ModelProto) -> list[onnx.TensorProto]:
    from onnx.external_data_helper import uses_external_data

    return [tensor for tensor in all_tensors(proto) if uses_external_data(tensor)]


def all_tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
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
