"""Cells that take training: the accuracy of checkpoints, at the sizes of a table's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.published.reproduced import Found
from reports.published.table import Column, PublishedRow, PublishedTable
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs import Size, Sizes

if TYPE_CHECKING:
    from netzoo.zoo.config import NetworkConfig
    from sizewise.pipeline.evaluate import SizeScores

Cells = Mapping[tuple[int, str], Found]
_PERCENT = 100.0
_USUAL, _METRICS = "coco", {"map": "voc07"}
"""How figures are measured, and those that are not."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One that is evaluated for the rows of its network, and of its fusion."""

    path: Path
    config: NetworkConfig

    def is_of(self, row: PublishedRow) -> bool:
        named = self.config.name in (row.network, row.trained_as)
        return named and (not row.fusion or row.fusion == self.config.fusion)


def trained_cells(
    table: PublishedTable, paths: Sequence[Path], data: str, reporter: Reporter
) -> Cells:
    """By row number and column: the accuracies of the checkpoints ``paths`` on ``data``.

    Raises UsageError for a checkpoint of a network that the table does not have, and InputError as
    ``evaluate`` does.
    """
    checkpoints = [_read(path, table) for path in paths]
    return {
        place: found
        for checkpoint in checkpoints
        for way in dict.fromkeys(map(_way, _columns(table).values()))
        for place, found in _cells(table, checkpoint, way, data, reporter)
    }


def _read(path: Path, table: PublishedTable) -> Checkpoint:
    from netzoo.weights.checkpoint import read_header

    checkpoint = Checkpoint(path=path, config=read_header(path).config)
    if any(map(checkpoint.is_of, table.rows)):
        return checkpoint
    networks = sorted({" ".join(filter(None, (r.network, r.fusion))) for r in table.rows})
    raise UsageError(
        f"{path} is of no row of the table {table.name}",
        f"it is of the network {checkpoint.config.name}, and the table is of {', '.join(networks)}",
        f"Give {spelled('trained')} a checkpoint of one of these.",
    )


def _columns(table: PublishedTable) -> dict[str, Column]:
    """Those that a network can be evaluated for."""
    return {
        name: column
        for name, column in table.columns.items()
        if column.kind == "accuracy" and column.figure
    }


def _way(column: Column) -> str:
    """How the figure of a column is measured."""
    return _METRICS.get(column.figure, _USUAL)


def _cells(
    table: PublishedTable, checkpoint: Checkpoint, way: str, data: str, reporter: Reporter
) -> Iterator[tuple[tuple[int, str], Found]]:
    """The cells of a checkpoint that are measured in one way, at all sizes at once."""
    wanted = {
        (place, name): row.size
        for name, column in _columns(table).items()
        for place, row in enumerate(table.rows)
        if _way(column) == way and name in row.values and checkpoint.is_of(row) and row.size
    }
    if wanted:
        sizes = Sizes(tuple(dict.fromkeys(wanted.values())))
        found = _evaluated(checkpoint, sizes, way, data, reporter)
        for (place, name), size in wanted.items():
            yield (place, name), cell_of(table.columns[name], found[size])


def cell_of(column: Column, row: SizeScores) -> Found:
    """The figure of a column, or why there is none."""
    value = {**row.scores, **row.figures.values}.get(column.figure)
    if value is None:
        return Found(why=row.reason or "the data have nothing to measure it on")
    return Found(value=value * (_PERCENT if column.unit == "%" else 1))


def _evaluated(
    checkpoint: Checkpoint, sizes: Sizes, way: str, data: str, reporter: Reporter
) -> dict[Size, SizeScores]:
    from netzoo.tasks.registry import find_task
    from netzoo.zoo.network import find_network
    from sizewise.pipeline.evaluate import EvaluateOptions, evaluate

    finds_boxes = find_task(find_network(checkpoint.config.name).task).finds_boxes
    options = EvaluateOptions(data=data, sizes=sizes, metric=way if finds_boxes else _USUAL)
    found = evaluate(checkpoint.path, options, reporter=reporter)
    return {row.size: row for row in found.rows}
