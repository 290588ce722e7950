"""The parts of outputs in every layout: also of boxes that a graph chose itself.

These come as lists of rows, or boxes, scores and labels are outputs of their own. Others are those
of ``netzoo.tasks.parts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from netzoo.tasks.chosen.indexed import find_indexed
from netzoo.tasks.chosen.roles import COLUMNS, Roles, find_roles
from netzoo.tasks.chosen.tensorflow import find_tensorflow
from netzoo.tasks.parts import BOXES, CLASSES, SCORES, TABLES, Parts, Shapes, parts_of
from sizewise.core.options.declared import spelled
from sizewise.core.specs import INDEXED_LAYOUT, TENSORFLOW_LAYOUT, Part, TensorSpec

INDICES = "indices"
_NO_TYPES: Mapping[str, str] = MappingProxyType({})
_LISTS: Parts = {
    "m_7": (
        Part(name="images", axis=1, stop=1),
        Part(name=BOXES, axis=1, start=1, stop=5),
        Part(name=CLASSES, axis=1, start=5, stop=6),
        Part(name=SCORES, axis=1, start=6, stop=7),
    ),
    "m_6": (
        Part(name=CLASSES, axis=1, stop=1),
        Part(name=SCORES, axis=1, start=1, stop=2),
        Part(name=BOXES, axis=1, start=2, stop=6),
    ),
}
"""The parts of the one list of rows, by layout."""
DIVIDED = (*TABLES, *_LISTS, *COLUMNS, TENSORFLOW_LAYOUT, INDEXED_LAYOUT)
"""The layouts whose outputs have parts, or hold one part each."""
ORDERED = (*COLUMNS, TENSORFLOW_LAYOUT)
"""Those of them whose rows the graph chose, where the outputs of no other look like theirs."""


def parts_of_outputs(
    layout: str, shapes: Shapes, class_count: int = 0, dtypes: Mapping[str, str] = _NO_TYPES
) -> Parts:
    """The parts of each output, by its name, as ``netzoo.tasks.parts.parts_of`` gives them.

    ``dtypes`` are NumPy's names: they tell labels from scores where the outputs' names do not.
    Where boxes, scores and labels are outputs of their own, each has one part, which is all of it.
    """
    if layout in (*COLUMNS, TENSORFLOW_LAYOUT, INDEXED_LAYOUT):
        return _of_outputs(layout, shapes, dtypes)
    if layout in _LISTS:
        return _of_list(_LISTS[layout], shapes)
    return parts_of(layout, shapes, class_count)


def _of_list(declared: tuple[Part, ...], shapes: Shapes) -> Parts:
    width = declared[-1].stop
    found = [name for name, shape in shapes.items() if len(shape) == 2 and shape[1] == width]
    return {found[0]: declared} if len(found) == 1 else {}


def _of_outputs(layout: str, shapes: Shapes, dtypes: Mapping[str, str]) -> Parts:
    outputs = [
        TensorSpec(name=name, dtype=dtypes.get(name, "float32"), shape=tuple(shape))
        for name, shape in shapes.items()
    ]
    if layout == INDEXED_LAYOUT:
        if (listed := find_indexed(outputs)) is None:
            return {}
        return _wholes({BOXES: listed.boxes, SCORES: listed.scores, INDICES: listed.indices})
    tensorflow = layout == TENSORFLOW_LAYOUT
    found = find_tensorflow(outputs) if tensorflow else find_roles(layout, outputs)
    return _of_roles(found, shapes) if found else {}


def _of_roles(found: Roles, shapes: Shapes) -> Parts:
    if found.scores != found.boxes:
        return _wholes({BOXES: found.boxes, SCORES: found.scores, CLASSES: found.labels})
    last = len(shapes[found.boxes]) - 1
    columns = (Part(name=BOXES, axis=last, stop=4), Part(name=SCORES, axis=last, start=4))
    return {found.boxes: columns, **_wholes({CLASSES: found.labels})}


def _wholes(outputs: Mapping[str, str]) -> Parts:
    """The one part of each of ``outputs``, which stand by its name; empty ones are not there."""
    return {name: (Part(name=part, axis=0),) for part, name in outputs.items() if name}


def in_order(layouts: Sequence[str]) -> str:
    """A sentence on outputs that look like boxes that the graph chose, in one of these layouts."""
    return (
        "Outputs were judged row by row, though they seem to be boxes that the graph chooses, and "
        f"another precision chooses them in another order. Give {spelled('layout')} "
        f"{' or '.join(layouts)} to judge the scores in their order."
    )
