"""``sizewise train``: a network and a data set → a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sizewise.cli.options import Data, Json, Out


def train(
    network: Annotated[str, typer.Argument(help="A network's name (sizewise networks).")],
    *,
    data: Data = "digits",
    width: Annotated[float, typer.Option(min=0.01, help="Width multiplier.")] = 1.0,
    depth: Annotated[float, typer.Option(min=0.01, help="Depth multiplier.")] = 1.0,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 700,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Images per step.")] = 8,
    sizes: Annotated[str, typer.Option("--sizes", help="Drawn from at each step.")] = "160:320:32",
    learning_rate: Annotated[float, typer.Option(min=0, help="The highest.")] = 2e-3,
    loss: Annotated[str, typer.Option(help="The loss.")] = "dense",
    seed: Annotated[int, typer.Option(help="Of weights, batches and sizes.")] = 0,
    out: Out = Path("runs/train"),
    as_json: Json = False,
) -> None:
    """Train on boxes, at a random size per step, and write a safetensors checkpoint."""
