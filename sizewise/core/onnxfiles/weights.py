"""The weights of an ONNX file: in it or beside it, and how much they take.

A file that protobuf can read holds less than 2 GiB; larger models keep their weights beside it
("external data"). So nothing here needs their values. ``onnx`` is imported inside the functions, as
in ``sizewise.core.onnxfiles.model``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.beside import demand_files
from sizewise.core.onnxfiles.limits import ELEMENTS, WEIGHTS
from sizewise.core.onnxfiles.places import demand_there, place_of, read_values
from sizewise.core.onnxfiles.tensors import bytes_held, demand_sound

if TYPE_CHECKING:
    import onnx

    Weight = onnx.TensorProto | onnx.SparseTensorProto

MOST_BYTES = 1_800_000_000
"""Of the weights of a model in one file. Protobuf ends at 2 GiB; the rest is room for the graph and
for what a pass or an optimiser adds."""
_PROTOBUF_BYTES = 2**31
_GB = 1e9


def weights_beside(path: Path) -> tuple[str, ...]:
    """The files that hold its weights, relative to its folder; none where it holds them itself."""
    return locations(graph_of(path))


def graph_of(path: Path) -> onnx.ModelProto:
    """The graph of a file, without the weights beside it. Raises protobuf's DecodeError where the
    file is none."""
    import onnx

    return onnx.load(path, format="protobuf", load_external_data=False)


def whole_graph_of(path: Path) -> onnx.ModelProto:
    """The same with the weights beside it. Raises InputError where they are not there."""
    proto = graph_of(path)
    take_in(path, proto)
    return proto


def locations(proto: onnx.ModelProto) -> tuple[str, ...]:
    """The files that a graph names as those of its weights, each once. Raises InputError where a
    place makes no sense."""
    return tuple(sorted({place_of(Path("it"), tensor).location for tensor in _outside(proto)}))


def weights_bytes(path: Path) -> int:
    """The bytes of all weights of a file, those beside it included, without reading these."""
    return bytes_of(graph_of(path))


def bytes_of(proto: onnx.ModelProto) -> int:
    """The bytes of all tensors of a graph by their types and shapes, wherever their values are."""
    return sum(map(bytes_held, all_tensors(proto)))


def too_large(size_bytes: int) -> str:
    """Why a model with so many bytes of weights does not fit into one file; empty where it does."""
    if size_bytes < MOST_BYTES:
        return ""
    return f"its weights take {size_bytes / _GB:.2f} GB, and one file holds {MOST_BYTES / _GB} GB"


def demand_readable(path: Path) -> None:
    """Raises InputError where a file is empty, or larger than protobuf can read."""
    size_bytes = path.stat().st_size
    if not size_bytes:  # so are those of /proc, some of which are read without end
        todo = "Export it again, or check the download."
        raise InputError(f"{path} isn't a valid ONNX file", "it is empty", todo)
    if size_bytes >= _PROTOBUF_BYTES:
        raise InputError(
            f"{path} can't be read",
            f"it is {size_bytes / _GB:.2f} GB, and an ONNX file holds less than 2 GiB",
            "Export it with its weights in a file beside it (external data).",
        )


def demand_whole(path: Path, proto: onnx.ModelProto) -> None:
    """Raises InputError where a weight has no type or shape that can be, where weights are beyond
    the limits, and where a file of weights is missing, a link, shorter than the graph says or, by
    the checksum that the graph gives, another one.

    ONNX's checker refuses links as well, and looks neither at lengths nor at checksums.
    """
    for one in _all_of(proto):
        for tensor in _parts(one):
            demand_sound(path, tensor)
        if len(_parts(one)) > 1:  # the libraries make it dense
            ELEMENTS.demand(path, math.prod(one.dims), f"the sparse weight {_parts(one)[0].name!r}")
    WEIGHTS.demand(path, bytes_of(proto), "its weights")
    demand_files(path, [demand_there(path, tensor) for tensor in _outside(proto)])


def take_in(path: Path, proto: onnx.ModelProto) -> None:
    """Read the values that stand beside the file ``path`` into its graph. Raises InputError and
    OSError, as :func:`read_values` does."""
    import onnx

    for tensor in _outside(proto):
        tensor.raw_data = read_values(path, tensor)
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
    return (tensor for one in _all_of(proto) for tensor in _parts(one))


def _parts(one: Weight) -> tuple[onnx.TensorProto, ...]:
    """The tensor itself; of a sparse one its values and their places."""
    import onnx

    return (one,) if isinstance(one, onnx.TensorProto) else (one.values, one.indices)


def _all_of(proto: onnx.ModelProto) -> Iterator[Weight]:
    yield from _weights_of(proto.graph)
    for function in proto.functions:
        yield from _weights_in(function.attribute_proto)
        for node in function.node:
            yield from _weights_in(node.attribute)


def _weights_of(graph: onnx.GraphProto) -> Iterator[Weight]:
    yield from graph.initializer
    yield from graph.sparse_initializer
    for node in graph.node:
        yield from _weights_in(node.attribute)


def _weights_in(attributes: Iterable[onnx.AttributeProto]) -> Iterator[Weight]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        if attribute.HasField("sparse_tensor"):
            yield attribute.sparse_tensor
        yield from attribute.tensors
        yield from attribute.sparse_tensors
        for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            yield from _weights_of(graph)
