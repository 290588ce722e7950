"""``sizewise networks``: the networks of the zoo and their costs."""

from __future__ import annotations

import typer

from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core.specs import Size
from sizewise.pipeline.preparation.networks import (
    ListedNetwork,
    backbone_names,
    fusion_names,
    list_networks,
)


def networks(*, as_json: Json = False) -> None:
    """List the networks with parameters, BFLOPs, strides and the smallest size."""
    listed = list_networks()
    if as_json:
        console.show_json({one.entry.name: one.facts for one in listed})
        return
    console.show_table(
        "Networks as published: width 1, depth 1; sizes H×W in pixels; BFLOPs at that size",
        (
            *("network", "task", "parameters", "convolutions"),
            *("size", "BFLOPs", "classes", "strides", "smallest", "losses"),
        ),
        list(map(_row, listed)),
    )
    typer.echo(f"Fusions of multiscale: {', '.join(fusion_names())}.")
    typer.echo(f"Backbones of multiscale: {', '.join(backbone_names())}, or timm:NAME.")
    console.next_step("sizewise train yolov3 --data digits --width 0.25 --depth 0.34")


def _row(one: ListedNetwork) -> tuple[object, ...]:
    entry, cost = one.entry, one.cost
    return (
        *(entry.name, entry.task, f"{cost.parameters:,}", cost.convolutions),
        *(entry.size, f"{cost.bflops:.3f}", entry.classes),
        *(", ".join(map(str, entry.strides)), Size(entry.smallest, entry.smallest)),
        ", ".join(entry.losses),
    )
