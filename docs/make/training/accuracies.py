"""The columns of published tables that take training, from the records of our trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from docs.make.method.records import read_record
from docs.make.training import joint, recipes, scales
from docs.make.training.figures import Run, runs_of
from reports.published.reproduced import Found
from reports.published.table import PublishedRow, PublishedTable

Cells = Mapping[tuple[int, str], Found]
_ABLATION, _ABLATED_AT = "multiscale-ablation", "256x256"
_USUAL_WEIGHTS = [0.5, 1.0, 0.5]
_LOSS = "paper"
"""Of the recipes of a network, the one of this loss is taken, as in what was published."""
_WAYS = {"map": "voc07"}
_PERCENT = 100.0
_OTHER = "only a narrow YOLOv3 was trained at one size and at many: docs/training-measured.md"
_NO_PART = "trainings differ in all of it at once"


def trained_cells(table: PublishedTable) -> Cells:
    """What our trainings say of a table, by row number and column."""
    found = dict(_of_recipes(table))
    for name, cells in _OWN.items():
        if table.name == name:
            found |= dict(cells(table))
    return found


def described(table: PublishedTable) -> str:
    """What was trained for a table, in words; empty for one that takes no training."""
    return _WORDS.get(table.name, "")


def _of_recipes(table: PublishedTable) -> Iterator[tuple[tuple[int, str], Found]]:
    """Narrow networks on ``digits`` (examples/recipes), at the sizes of the rows."""
    record = read_record(recipes.NAME)
    runs = {run.name: run for run in runs_of(record)} if record else {}
    for name, column in table.columns.items():
        if column.kind != "accuracy" or not column.figure:
            continue
        for place, row in enumerate(table.rows):
            run = runs.get(f"{row.trained_as or row.network}-{_LOSS}")
            if name not in row.values or row.size is None or row.fusion:
                continue
            if run is None:
                yield (place, name), Found(why=f"{row.network} was not trained")
            else:
                value = run.figure(row.size.height, column.figure, _WAYS.get(column.figure, "coco"))
                yield (place, name), Found(value=_PERCENT * value)


def _of_fusions(table: PublishedTable) -> Iterator[tuple[tuple[int, str], Found]]:
    """The ablation of docs/multiscale.md: means of three seeds."""
    for name, column in table.columns.items():
        for place, row in enumerate(table.rows):
            if name in row.values and column.kind in ("accuracy", "loss"):
                values = [_of_fusion(run, column.figure) for run in _ablated(row)]
                yield (place, name), Found(value=fmean(values))


def _ablated(row: PublishedRow) -> list[Any]:
    weights = [float(one) for one in row.label.split(",")] if row.label else _USUAL_WEIGHTS
    fusion = row.fusion or "absi"
    runs = read_record(_ABLATION)["runs"]
    return [run for run in runs if run["fusion"] == fusion and run["weights"] == weights]


def _of_fusion(run: Mapping[str, Any], figure: str) -> float:
    """A score, or without a name the loss of the last steps."""
    if figure:
        return float(run["scores"][_ABLATED_AT][figure])
    return float(sum(run["last_losses"].values()))


def _of_tree(table: PublishedTable) -> Iterator[tuple[tuple[int, str], Found]]:
    """AP50 of all digits, of those without boxes, and of a YOLOv2 with boxes of all."""
    record, boxed = read_record(joint.NAME), read_record(recipes.NAME)
    if not record or not boxed:
        return
    run, side = runs_of(record)[-1], max(joint.SIDES)
    (yolov2,) = (one for one in runs_of(boxed) if one.name == f"yolov2-{_LOSS}")
    without = joint.of_classes(run, side, "voc", record["unboxed"], without=True)
    values = (
        fmean(run.ap_by_class(side, "voc").values()),
        fmean(without),
        yolov2.figure(_side(table.rows[-1]), "ap50"),
    )
    for place, value in enumerate(values):
        yield (place, "accuracy"), Found(value=_PERCENT * value)


def _side(row: PublishedRow) -> int:
    if row.size is None:
        raise ValueError(f"{row.label} has no size")
    return row.size.height


def _of_gains(table: PublishedTable) -> Iterator[tuple[tuple[int, str], Found]]:
    """Points of AP that many sizes have over 320 alone: the mean over ten input sizes."""
    record = read_record(scales.NAME)
    if not record:
        return
    plans = scales.plans_of(record)
    many, alone = plans[scales.MANY_PLAN], plans[scales.ALONE_PLAN]
    gains = {
        "total": _gain(many, alone, "ap"),
        "small objects": _gain(many, alone, "ap_small"),
    }
    why = {"context of large objects": "digits has no large objects"}
    for place, row in enumerate(table.rows):
        if row.label in gains:
            yield (place, "gain"), Found(value=gains[row.label])
        else:
            yield (place, "gain"), Found(why=why.get(row.label, _NO_PART))


def _gain(ours: Sequence[Run], others: Sequence[Run], figure: str) -> float:
    return _PERCENT * (_over_sizes(ours, figure) - _over_sizes(others, figure))


def _over_sizes(runs: Iterable[Run], figure: str) -> float:
    return fmean(run.figure(side, figure) for run in runs for side in scales.SIZES)


def _of_versions(table: PublishedTable) -> Iterator[tuple[tuple[int, str], Found]]:
    """None of these networks was trained at one size and at many."""
    for place, row in enumerate(table.rows):
        for name in row.values:
            yield (place, name), Found(why=_OTHER)


_OWN: Mapping[str, Callable[[PublishedTable], Iterator[tuple[tuple[int, str], Found]]]] = {
    "processor-ablation": _of_fusions,
    "processor-integration": _of_fusions,
    "processor-scale-weights": _of_fusions,
    "yolo9000": _of_tree,
    "training-gains-by-factor": _of_gains,
    "training-gains-by-version": _of_versions,
}

_DIGITS = (
    "narrow networks on digits, one training each (examples/recipes, docs/training-measured.md)"
)
_FUSIONS = (
    "narrow networks on digits at 256×256, means of three seeds (docs/multiscale.md); the loss is "
    "that of the last 50 steps"
)
_WORDS: Mapping[str, str] = {
    "yolov2-voc07": _DIGITS,
    "yolov3-coco": f"{_DIGITS}; trained at 224 to 416, so accuracy falls at 608",
    "scaled-yolov4": (
        f"{_DIGITS}; yolov4-csp was trained at 160 to 320, so its accuracy falls above"
    ),
    "processor-ablation": _FUSIONS,
    "processor-integration": _FUSIONS,
    "processor-scale-weights": _FUSIONS,
    "yolo9000": (
        "AP50 on digits, three of them without boxes in training (docs/training-measured.md)"
    ),
    "training-gains-by-factor": (
        "a narrow YOLOv3 on digits, 160 to 448 less 320 alone, the mean of ten input sizes "
        "(docs/training-measured.md)"
    ),
}
