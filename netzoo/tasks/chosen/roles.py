"""Which outputs of a detector hold boxes, scores and labels, where each is an output of its own.

Their names tell, and where these are numbers, their shapes and types: labels are whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from sizewise.core.specs import (
    BESIDE_LAYOUT,
    ONE_CLASS_LAYOUTS,
    SEPARATE_LAYOUT,
    Dimension,
    TensorSpec,
)

COLUMNS: Mapping[str, int] = {
    **{SEPARATE_LAYOUT: 4, BESIDE_LAYOUT: 5},
    **dict(zip(ONE_CLASS_LAYOUTS, (4, 5), strict=True)),
}
"""How many columns the output of boxes has, by layout: the fifth is the score."""
_BOXES, _SCORES, _LABELS = ("box", "det"), ("score", "conf", "prob"), ("label", "class", "cls")


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The names of the outputs; scores may stand beside the boxes, in one output.

    Of one class, there are no ``labels``. ``count`` says how many rows are used, where one does.
    """

    boxes: str
    scores: str
    labels: str = ""
    count: str = ""


def specs_of(outputs: Mapping[str, NDArray[Any]]) -> list[TensorSpec]:
    """What a file would declare of these outputs."""
    return [
        TensorSpec(name=name, dtype=array.dtype.name, shape=array.shape)
        for name, array in outputs.items()
    ]


def fitting_roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """The layouts of ``COLUMNS`` that outputs of these shapes may have. Without labels, boxes and
    scores must be called so: nothing else tells them."""
    found = {layout: roles for layout in COLUMNS if (roles := find_roles(layout, outputs))}
    labelled = tuple(layout for layout, roles in found.items() if roles.labels)
    called = {one.name for one in outputs if _is_called(one, _BOXES)}
    scored = {one.name for one in outputs if _is_called(one, _SCORES)}
    return labelled or tuple(
        layout
        for layout, roles in found.items()
        if roles.boxes in called and (roles.scores in scored or roles.scores == roles.boxes)
    )


def find_roles(layout: str, outputs: Sequence[TensorSpec]) -> Roles | None:
    """The outputs that hold boxes [B, N, 4] (with scores beside them [B, N, 5]), scores [B, N] and
    labels [B, N] (none of one class), or the same of one image without B; None where they can't be
    told."""
    columns, one_class = COLUMNS[layout], layout in ONE_CLASS_LAYOUTS
    tables = [one for one in outputs if _is_table(one, columns)]
    axes = max((len(one.shape) for one in tables), default=0)
    boxes = _the_one((one for one in tables if len(one.shape) == axes), _BOXES)
    if boxes is None:
        return None
    beside = [one for one in outputs if fit(one.shape, boxes.shape[:-1])]
    labels = _the_one(filter(_may_be_labels, beside), _LABELS)
    if labels is None and not one_class:
        return None
    found = [one for one in beside if one is not labels and "float" in one.dtype]
    scores = _the_one(found, _SCORES) if columns == COLUMNS[SEPARATE_LAYOUT] else boxes
    if scores is None:
        return None
    called = "" if one_class or labels is None else labels.name
    return Roles(boxes=boxes.name, scores=scores.name, labels=called)


def _is_table(one: TensorSpec, columns: int) -> bool:
    """Whether it is one of boxes: their number and that of images may be free."""
    if len(one.shape) not in (2, 3) or "float" not in one.dtype:
        return False
    last = one.shape[-1]
    return last == columns or (isinstance(last, str) and _is_called(one, _BOXES))


def _may_be_labels(one: TensorSpec) -> bool:
    return "int" in one.dtype or (_is_called(one, _LABELS) and not _is_called(one, _SCORES))


def fit(shape: Sequence[Dimension], other: Sequence[Dimension]) -> bool:
    """Whether both may be the same: a free side may be any."""
    return len(shape) == len(other) and all(
        one == two or isinstance(one, str) or isinstance(two, str)
        for one, two in zip(shape, other, strict=True)
    )


def _the_one(found: Iterable[TensorSpec], words: Sequence[str]) -> TensorSpec | None:
    """The only one; of several, the only one whose name has one of ``words``."""
    several = tuple(found)
    named = tuple(one for one in several if _is_called(one, words))
    chosen = several if len(several) == 1 else named
    return chosen[0] if len(chosen) == 1 else None


def _is_called(one: TensorSpec, words: Sequence[str]) -> bool:
    return any(word in one.name.lower() for word in words)
