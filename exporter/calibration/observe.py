"""Observe the value ranges of a graph's tensors on real pictures.

The first pass computes the largest magnitudes inside the graph, with nodes added to a copy of it,
so that a few numbers per tensor come back instead of the tensor. The second pass, for histograms,
needs the tensors themselves. It takes as many as fit into memory, in several runs if need be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from exporter.calibration.batches import Batch
from exporter.calibration.distribution import BINS, Distribution, count_magnitudes
from exporter.calibration.running import InnerSession, demand_tensors
from exporter.failures import demand_package
from sizewise.core.errors import ExportError
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Size

if TYPE_CHECKING:
    import onnx

MOST_BYTES = 512 * 2**20
"""The limit on the tensors that one run gives back."""
_FLOAT_BYTES = 4


class Batches(Protocol):
    """Inputs of the graph, each with its image size."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class _Extent:
    """The largest magnitude in a tensor, the smallest value or 0, and how many values it had at
    most."""

    absmax: float = 0.0
    least: float = 0.0
    elements: int = 0

    def __or__(self, other: _Extent) -> _Extent:
        return _Extent(
            max(self.absmax, other.absmax),
            min(self.least, other.least),
            max(self.elements, other.elements),
        )


def observe(
    model: onnx.ModelProto,
    tensors: Sequence[str],
    batches: Callable[[], Batches],
    *,
    histograms: bool,
    infinite: bool = False,
    progress: Progress = SILENT,
) -> Mapping[str, Distribution]:
    """The distribution of each of the floating-point ``tensors`` over all of ``batches()``.

    ``batches`` is called once for each pass. Values are counted only with ``histograms``. With
    ``infinite``, a tensor may hold infinities, as masks of attention do.

    Raises KeyError for an unknown tensor, ValueError without batches, ExportError where the graph
    does not run or a value is not finite, BackendUnavailableError without ONNX Runtime.
    """
    demand_package("onnxruntime", "cpu")
    names = tuple(dict.fromkeys(tensors))
    demand_tensors(model, names)
    extents = _measure(model, names, batches(), progress, infinite=infinite)
    found = {
        name: Distribution(absmax=extent.absmax, least=extent.least)
        for name, extent in extents.items()
    }
    if histograms:
        sizes = {name: extent.elements for name, extent in extents.items() if extent.absmax}
        for group in _groups(sizes):
            known = {name: found[name] for name in group}
            found |= _count(model, known, batches(), progress)
    return found


def _measure(
    model: onnx.ModelProto,
    names: Sequence[str],
    batches: Batches,
    progress: Progress,
    *,
    infinite: bool,
) -> dict[str, _Extent]:
    nodes, outputs = _extent_nodes(names)
    session = InnerSession(model, outputs, nodes)
    extents = dict.fromkeys(names, _Extent())
    if not len(batches):
        raise ValueError("there are no batches to observe")
    with progress.stage("Observing ranges", len(batches)) as stage:
        for size, batch in batches:
            results = np.array(session.run(size, batch), np.float64).reshape(-1, 4)
            for name, (absmax, least, nans, elements) in zip(names, results.tolist(), strict=True):
                if nans or (elements and math.isinf(absmax) and not infinite):
                    raise _not_finite(name, size)
                if elements:
                    extents[name] |= _Extent(absmax, least, int(elements))
            stage.advance(note=str(size))
    return extents


def _extent_nodes(names: Sequence[str]) -> tuple[list[onnx.NodeProto], list[str]]:
    """Nodes that compute max |x|, min x, the number of NaN (a maximum may skip it) and that of
    values of each tensor."""
    from onnx import TensorProto
    from onnx.helper import make_node

    nodes, outputs = [], []
    for place, name in enumerate(names):
        own = f"sizewise.{place}."
        nodes += [
            make_node("Abs", [name], [own + "magnitude"]),
            make_node("IsNaN", [name], [own + "is_nan"]),
            make_node("Cast", [own + "is_nan"], [own + "nan"], to=TensorProto.FLOAT),
            make_node("ReduceMax", [own + "magnitude"], [own + "absmax"], keepdims=0),
            make_node("ReduceMin", [name], [own + "least"], keepdims=0),
            make_node("ReduceSum", [own + "nan"], [own + "nans"], keepdims=0),
            make_node("Size", [name], [own + "elements"]),
        ]
        outputs += [own + what for what in ("absmax", "least", "nans", "elements")]
    return nodes, outputs


def _not_finite(name: str, size: Size) -> ExportError:
    return ExportError(
        f"The tensor {name} can't be calibrated",
        f"at {size}, some of its values are not finite",
        "Look for a division by zero or an overflow before this tensor in the network.",
        reason_code="numerics",
    )


def _groups(elements: Mapping[str, int]) -> list[list[str]]:
    """Groups of tensors within MOST_BYTES together; a larger tensor is a group by itself."""
    groups: list[list[str]] = []
    left = 0
    for name, count in elements.items():
        if not groups or count * _FLOAT_BYTES > left:
            groups.append([])
            left = MOST_BYTES
        groups[-1].append(name)
        left -= count * _FLOAT_BYTES
    return groups


def _count(
    model: onnx.ModelProto, known: Mapping[str, Distribution], batches: Batches, progress: Progress
) -> dict[str, Distribution]:
    """The distributions of a group of tensors, with their counts."""
    session = InnerSession(model, tuple(known))
    counts = {name: np.zeros(BINS, np.int64) for name in known}
    zeros = dict.fromkeys(known, 0)
    with progress.stage("Counting values", len(batches)) as stage:
        for size, batch in batches:
            for name, values in zip(known, session.run(size, batch), strict=True):
                counts[name] += count_magnitudes(values, known[name].absmax)
                zeros[name] += values.size - int(np.count_nonzero(values))
            stage.advance(note=str(size))
    return {
        name: replace(one, counts=counts[name], zeros=zeros[name]) for name, one in known.items()
    }
