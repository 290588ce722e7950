"""``sizewise networks``: the networks of the zoo and their costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core import codec
from sizewise.core.specs import Size

if TYPE_CHECKING:
    from netzoo.cost import Cost
    from netzoo.network import NetworkEntry


def networks(*, as_json: Json = False) -> None:
    """List the networks with parameters, BFLOPs, strides and the smallest size."""
    from netzoo.backbones._registry import four_levels
    from netzoo.config import NetworkConfig
    from netzoo.cost import count_cost
    from netzoo.fusions._registry import fusions
    from netzoo.network import networks as zoo

    listed = sorted(zoo().values(), key=lambda entry: entry.name)
    costs = {
        entry.name: count_cost(
            NetworkConfig(name=entry.name, classes=tuple(map(str, range(entry.classes)))),
            entry.size,
        )
        for entry in listed
    }
    if as_json:
        console.show_json({entry.name: _facts(entry, costs[entry.name]) for entry in listed})
        return
    console.show_table(
        "Networks as published: width 1, depth 1; sizes H×W in pixels; BFLOPs at that size",
        (
            *("network", "task", "parameters", "convolutions"),
            *("size", "BFLOPs", "classes", "strides", "smallest", "losses"),
        ),
        [_row(entry, costs[entry.name]) for entry in listed],
    )
    typer.echo(f"Fusions of multiscale: {', '.join(sorted(fusions()))}.")
    typer.echo(f"Backbones of multiscale: {', '.join(sorted(four_levels()))}, or timm:NAME.")
    console.next_step("sizewise train yolov3 --data digits --width 0.25 --depth 0.34")


def _facts(entry: NetworkEntry, cost: Cost) -> dict[str, Any]:
    from netzoo.backbones._registry import four_levels
    from netzoo.config import MULTISCALE
    from netzoo.fusions._registry import fusions

    choices = {"fusions": sorted(fusions()), "backbones": sorted(four_levels())}
    return {
        **codec.to_plain(cost),
        "task": entry.task,
        "size": str(entry.size),
        "classes": entry.classes,
        "strides": list(entry.strides),
        "smallest": str(Size(entry.smallest, entry.smallest)),
        "losses": list(entry.losses),
    } | (choices if entry.name == MULTISCALE else {})


def _row(entry: NetworkEntry, cost: Cost) -> tuple[object, ...]:
    return (
        *(entry.name, entry.task, f"{cost.parameters:,}", cost.convolutions),
        *(entry.size, f"{cost.bflops:.3f}", entry.classes),
        *(", ".join(map(str, entry.strides)), Size(entry.smallest, entry.smallest)),
        ", ".join(entry.losses),
    )
