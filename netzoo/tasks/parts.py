"""What the channels of a model's outputs mean, by layout: boxes, scores and so on.

Coordinates in pixels are hundreds of times larger than scores. In the error of a whole output the
scores would not count, so errors are measured part by part (``exporter.checks.deviation``,
``engines.differences``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sizewise.core.options.declared import spelled
from sizewise.core.specs import (
    FINAL_LAYOUT,
    RAW_LAYOUT,
    Dimension,
    ModelCard,
    Part,
    Suppression,
    TensorSpec,
)

BOXES, OBJECTNESS, SCORES, CLASSES = "boxes", "objectness", "scores", "classes"
COEFFICIENTS, OTHERS = "mask coefficients", "other values"

Shapes = Mapping[str, Sequence[Dimension]]
Parts = Mapping[str, tuple[Part, ...]]

TABLES: Parts = {
    "b_4c_n": (Part(name=BOXES, axis=1, stop=4), Part(name=SCORES, axis=1, start=4)),
    "b_n_5c": (
        Part(name=BOXES, axis=2, stop=4),
        Part(name=OBJECTNESS, axis=2, start=4, stop=5),
        Part(name=SCORES, axis=2, start=5),
    ),
    FINAL_LAYOUT: (
        Part(name=BOXES, axis=2, stop=4),
        Part(name=SCORES, axis=2, start=4, stop=5),
        Part(name=CLASSES, axis=2, start=5, stop=6),
    ),
}
"""The parts of the one output with three axes, by layout. A part without an end takes as many
channels as there are classes."""
_PIXELS = 10.0
"""Coordinates in pixels are larger than this; those that are shares of a side are not."""
SLACK = 0.01
"""What rounding in low precisions may add to a score."""


def parts_of(layout: str, shapes: Shapes, class_count: int = 0) -> Parts:
    """The parts of each output that holds several, by its name.

    ``shapes`` are those of all outputs, and ``class_count`` is 0 where it is unknown. The parts of
    an output hold each of its channels once. There are none where the outputs do not have the
    layout, and where each means one thing (``sizewise``, masks, scores of classes).
    """
    if layout == RAW_LAYOUT:
        return _of_heads(shapes, class_count)
    tables = [name for name, shape in shapes.items() if len(shape) == 3]
    if layout not in TABLES or len(tables) != 1:
        return {}
    maps = [shape[1] for shape in shapes.values() if len(shape) == 4]
    prototypes = maps[0] if len(maps) == 1 and isinstance(maps[0], int) else 0
    found = _of_table(TABLES[layout], shapes[tables[0]], class_count, prototypes)
    return {tables[0]: found} if found else {}


def _of_table(
    declared: tuple[Part, ...], shape: Sequence[Dimension], class_count: int, prototypes: int
) -> tuple[Part, ...]:
    """``declared`` for a table of this shape; none where it has other channels.

    Beside maps of ``prototypes``, the last channels are coefficients of masks. More than the
    classes ask for is something else, such as keypoints.
    """
    *others, last = declared
    channels, rows = shape[last.axis], shape[3 - last.axis]
    if not isinstance(channels, int):
        return declared
    if last.stop is not None:
        return declared if channels == last.stop else ()
    coefficients = prototypes if last.start < channels - prototypes else 0
    end = last.start + class_count if class_count else channels - coefficients
    more = channels - end
    if more == 0:
        return declared if last.start < channels else ()
    turned = class_count and rows == end
    if more < 0 or turned:
        return ()
    name = COEFFICIENTS if more == coefficients else OTHERS
    return (*others, replace(last, stop=end), Part(name=name, axis=last.axis, start=end))


def _of_heads(shapes: Shapes, class_count: int) -> Parts:
    """Raw heads [B, A·(5 + C), H, W] of A anchors: box, objectness and classes of each."""
    period = 5 + class_count
    parts = (
        Part(name=BOXES, axis=1, stop=4, period=period),
        Part(name=OBJECTNESS, axis=1, start=4, stop=5, period=period),
        Part(name=CLASSES, axis=1, start=5, period=period),
    )
    return {
        name: parts
        for name, shape in shapes.items()
        if class_count and len(shape) == 4 and isinstance(shape[1], int) and shape[1] % period == 0
    }


def mixes_scales(largest: Mapping[str, float]) -> bool:
    """Whether parts with these ``largest`` magnitudes, by name, are boxes in pixels and scores."""
    return are_pixels(largest.get(BOXES, 0.0)) and are_shares(largest.get(SCORES, _PIXELS))


def are_pixels(largest: float) -> bool:
    """Whether coordinates of this ``largest`` magnitude may be in pixels, and not shares of a
    side."""
    return largest > _PIXELS


def are_shares(largest: float) -> bool:
    """Whether values of this ``largest`` magnitude may be scores, which end at 1."""
    return largest <= 1 + SLACK


def unseen(name: str, largest: float) -> bool:
    """Whether a part of this ``name`` and ``largest`` value is scores of which none would be
    shown."""
    return name in (OBJECTNESS, SCORES) and largest < Suppression().score_threshold


def proposal(output: str, layouts: Sequence[str]) -> str:
    """A sentence on an ``output`` that looks like one of these ``layouts`` of a detector."""
    return (
        f"{output} was judged as a whole, though it seems to hold boxes and scores: the error of "
        f"boxes in pixels hides that of scores. Give {spelled('layout')} {' or '.join(layouts)} to "
        "judge each by itself."
    )


def misfit(card: ModelCard, outputs: Iterable[TensorSpec]) -> str:
    """A sentence on ``outputs`` that do not have the layout of ``card``."""
    classes = f" of {len(card.classes)} classes" if card.classes else ""
    return (
        "Boxes and scores could not be judged each by itself: the outputs do not have the layout "
        f"{card.layout}{classes}. They are {'; '.join(map(str, outputs))}."
    )
