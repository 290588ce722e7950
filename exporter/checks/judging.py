"""What of a network is judged against its float32 parent: which tensors, and by which parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from exporter.calibration.observe import Batches
from exporter.calibration.running import InnerSession
from exporter.checks.tolerance import finite_absmax
from exporter.graph.passes import all_nodes
from exporter.suppression.insert import output_before
from netzoo.tasks.chosen.parts import DIVIDED, ORDERED, in_order, parts_of_outputs
from netzoo.tasks.layouts import fitting_layouts
from netzoo.tasks.parts import (
    SCORES,
    TABLES,
    are_shares,
    misfit,
    mixes_scales,
    proposal,
)
from sizewise.core.ranked.sets import as_sets
from sizewise.core.specs import (
    FINAL_LAYOUTS,
    RAW_LAYOUT,
    Deviation,
    ExportedModel,
    Part,
    divided,
)

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Shapes = Mapping[str, Sequence[int]]
Parts = Callable[[Shapes], Mapping[str, Sequence[Part]]]
"""The parts of tensors, by name. A tensor that is left out is judged as a whole, one with no parts
is not judged."""


def as_wholes(shapes: Shapes) -> Mapping[str, Sequence[Part]]:
    """No parts: each tensor is judged as a whole."""
    del shapes
    return {}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The tensors that are judged, and their parts."""

    names: tuple[str, ...]
    parts: Parts = as_wholes


def pairs(
    judged: Judged, expected: Sequence[Array], given: Sequence[Array]
) -> Iterator[tuple[str, str, Array, Array]]:
    """Tensor, part and both values of all that is judged; arrays are in the order of the names.

    Rows that are sorted by a score are compared as sets: in another precision, those whose scores
    are close change places.
    """
    wanted = dict(zip(judged.names, expected, strict=True))
    found = as_sets(wanted, dict(zip(judged.names, given, strict=True)))
    known = judged.parts({name: array.shape for name, array in wanted.items()})
    for name, ours in wanted.items():
        theirs, parts = found[name], known.get(name)
        if parts is not None and not parts:
            continue
        both = zip(divided(ours, parts or ()), divided(theirs, parts or ()), strict=True)
        for (part, one), (_, other) in both:
            yield name, part, one, other


class Meaning:
    """The meaning of what ``parent`` gives, by the layout in the card of ``model``.

    Rows that a graph chooses come and go: those of another precision are not the parent's rows. So
    such a graph is judged at its heads, by the best scores in order, and by what NMS of ours is
    given.
    """

    def __init__(self, parent: onnx.ModelProto, model: ExportedModel) -> None:
        self._parent, self._model = parent, model
        self._outputs = tuple(output.name for output in parent.graph.output)
        suppressed = any(n.op_type == "NonMaxSuppression" for n in all_nodes(parent.graph))
        self.chooses_rows = suppressed or model.card.layout in FINAL_LAYOUTS
        self._layout = ""
        self._tables: tuple[str, ...] = ()
        if before := output_before(parent):
            self._layout, self._tables = before[0], (before[1],)
        elif not suppressed and model.card.layout in (*DIVIDED, RAW_LAYOUT):
            self._layout, self._tables = model.card.layout, self._outputs

    def results(self, heads: Iterable[str]) -> Judged:
        """What a graph of another precision is judged by: its outputs, or else its ``heads``."""
        return self.beside(heads if self.chooses_rows else self._outputs)

    def beside(self, tensors: Iterable[str]) -> Judged:
        """``tensors``, and the parts of all that has several."""
        wholes = tuple(tensors)
        names = tuple(dict.fromkeys((*wholes, *self._tables)))
        unjudged: dict[str, tuple[Part, ...]] = {n: () for n in self._tables if n not in wholes}

        def parts(shapes: Shapes) -> Mapping[str, Sequence[Part]]:
            return unjudged | self._parts({name: shapes[name] for name in self._tables})

        return Judged(names=names, parts=parts)

    def _parts(self, shapes: Shapes) -> dict[str, tuple[Part, ...]]:
        dtypes = {output.name: output.dtype for output in self._model.outputs}
        classes = len(self._model.card.classes)
        found = parts_of_outputs(self._layout, shapes, classes, dtypes)
        if self._layout in FINAL_LAYOUTS:
            return {n: tuple(p for p in parts if p.name == SCORES) for n, parts in found.items()}
        return dict(found)

    def doubts(self, deviations: Sequence[Deviation], batches: Batches) -> tuple[str, ...]:
        """Sentences on outputs that seem to hold several parts and were not judged by them."""
        if self._model.card.layout == "unknown":
            return self._order(deviations) or self._proposal(batches)
        if self._layout not in DIVIDED or not deviations:
            return ()
        if not any(one.part for one in deviations):
            return (misfit(self._model.card, self._model.outputs),)
        scores = max((one.absmax for one in deviations if one.part == SCORES), default=0.0)
        if are_shares(scores):
            return ()
        return (
            f"The scores would reach {scores:.4g}, beyond 1: check that {self._layout} is the "
            "layout of the outputs.",
        )

    def _order(self, deviations: Sequence[Deviation]) -> tuple[str, ...]:
        """A sentence where what is far off looks like boxes that the graph chose, by its shapes."""
        fitting = [n for n in fitting_layouts(self._model.outputs) if n in ORDERED]
        far = not all(one.within for one in deviations)
        return (in_order(fitting),) if fitting and far and not self.chooses_rows else ()

    def _proposal(self, batches: Batches) -> tuple[str, ...]:
        """A sentence where the outputs look like a detector's by their shapes and values."""
        tables = [one for one in self._model.outputs if len(one.shape) == 3]
        if self.chooses_rows or len(tables) != 1 or not len(batches):
            return ()
        size, batch = next(iter(batches))
        (table,) = InnerSession(self._parent, [tables[0].name]).run(size, batch)
        measured = replace(tables[0], shape=table.shape)
        fitting = fitting_layouts(tables) or fitting_layouts([measured])
        mixed = [name for name in fitting if name in TABLES and _mixes(table, TABLES[name])]
        return (proposal(tables[0].name, mixed),) if mixed else ()


def _mixes(table: Array, parts: Sequence[Part]) -> bool:
    return mixes_scales({part: finite_absmax(one) for part, one in divided(table, parts)})
