"""Cells that are counted: parameters, operations, grids, predictions and sizes."""

from __future__ import annotations

from collections.abc import Mapping

from netzoo.zoo.config import MULTISCALE, MultiscaleConfig, NetworkConfig
from netzoo.zoo.cost import Cost, count_cost
from netzoo.zoo.network import find_network
from reports.published.reproduced import Found
from reports.published.table import PublishedRow, PublishedTable

NOT_IN_THE_ZOO = "the network is not in the zoo"
GIVEN = "it is given, not found"
NO_PART = "the guide's part is not a network by itself; docs/multiscale.md has parts"
_PYRAMID = (8, 16, 32)
"""Strides of a detector with three levels and one prediction a cell."""


def counted_cells(table: PublishedTable) -> Mapping[tuple[int, str], Found]:
    """By row number and column."""
    found: dict[tuple[int, str], Found] = {}
    for place, row in enumerate(table.rows):
        for name in row.values:
            column = table.columns[name]
            if column.kind in ("parameters", "bflops"):
                found[place, name] = _cost(row, column.kind)
            elif column.kind == "grid" and row.size:
                found[place, name] = Found(value=row.size.width // column.stride)
            elif column.kind == "predictions" and row.size:
                found[place, name] = Found(
                    value=sum((row.size.height // s) * (row.size.width // s) for s in _PYRAMID)
                )
            elif column.kind == "sizes":
                found[place, name] = Found(value=_sizes(row))
            elif column.kind == "size":
                found[place, name] = Found(why=GIVEN)
    return found


def _sizes(row: PublishedRow) -> int:
    """How many sizes the range of the row has."""
    least, most, step = (int(row.values[name]) for name in ("least", "most", "step"))
    return len(range(least, most + 1, step))


def _cost(row: PublishedRow, kind: str) -> Found:
    if not row.network:
        return Found(why=NOT_IN_THE_ZOO)
    if row.network == MULTISCALE and (row.label or not row.fusion):
        return Found(why=NO_PART)
    cost = cost_of(row)
    if kind == "parameters":
        return Found(value=float(cost.parameters))
    return Found(value=cost.darknet_bflops if row.counts == "darknet" else cost.bflops)


def cost_of(row: PublishedRow) -> Cost:
    """Of the row's network at its size, or its own."""
    entry = find_network(row.network)
    return count_cost(config_of(row), row.size or entry.size)


def config_of(row: PublishedRow) -> NetworkConfig:
    """The network as it was published."""
    classes = tuple(map(str, range(find_network(row.network).classes)))
    config = NetworkConfig(name=row.network, classes=classes)
    if row.network != MULTISCALE:
        return config
    given = MultiscaleConfig()
    chosen = MultiscaleConfig(
        fusion=row.fusion or given.fusion,
        backbones=(row.backbone,) if row.backbone else given.backbones,
    )
    return NetworkConfig(name=row.network, classes=classes, multiscale=chosen)
