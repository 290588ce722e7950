"""``sizewise train``: a network and a data set → a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sizewise.cli import console
from sizewise.cli.options import Data, Json, Out
from sizewise.errors import InputError
from sizewise.files import output_folder

if TYPE_CHECKING:
    from netzoo.checkpoint import Provenance
    from netzoo.config import NetworkConfig
    from sizewise.cli.config import TrainTable


def train(
    network: Annotated[str, typer.Argument(help="A network's name (sizewise networks).")],
    *,
    data: Data = "digits",
    width: Annotated[float, typer.Option(help="Width multiplier.")] = 1.0,
    depth: Annotated[float, typer.Option(help="Depth multiplier.")] = 1.0,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 700,
    batch: Annotated[int, typer.Option(help="Images per step.")] = 8,
    sizes: Annotated[str, typer.Option(help="One of these is drawn at each step.")] = "160:320:32",
    learning_rate: Annotated[float, typer.Option(help="Its peak.")] = 2e-3,
    loss: Annotated[str, typer.Option(help="The loss.")] = "dense",
    seed: Annotated[int, typer.Option(help="Of weights, batches and sizes.")] = 0,
    out: Out = Path("runs/train"),
    as_json: Json = False,
) -> None:
    """Train a detector, at a random size per step, and write a safetensors checkpoint."""
    from sizewise.cli.config import TrainTable

    table = TrainTable(
        network=network,
        width=width,
        depth=depth,
        steps=steps,
        batch=batch,
        sizes=sizes,
        learning_rate=learning_rate,
        loss=loss,
        seed=seed,
    )
    checkpoint = train_checkpoint(table, data, output_folder(out))
    if as_json:
        console.show_json({"checkpoint": str(checkpoint)})
        return
    typer.echo(f"Checkpoint: {checkpoint}")
    console.next_step(f"sizewise export {checkpoint} --dynamic")


def train_checkpoint(table: TrainTable, source: str, out: Path) -> Path:
    """Where the checkpoint lies; one of the same data and settings is taken as it is."""
    from netzoo.checkpoint import Provenance, save_checkpoint
    from netzoo.config import NetworkConfig
    from netzoo.data.sources import open_dataset
    from netzoo.training.trainer import train as train_network

    progress = console.progress()
    data = open_dataset(source, "train", progress=progress)
    settings = table.settings
    config = NetworkConfig(
        name=table.network, classes=data.classes, width=table.width, depth=table.depth
    )
    provenance = Provenance(settings=settings, data=data.name, data_sha256=data.sha256)
    path = out / f"{table.network}.safetensors"
    if path.exists():
        if _is_of(path, config, provenance):
            console.remark(f"{path} is of these settings and this data already: not trained again.")
            return path
        console.remark(f"{path} is of other settings or data: trained anew, and then replaced.")
    network = train_network(config, data, settings, progress)
    save_checkpoint(path, network, provenance)
    return path


def _is_of(path: Path, config: NetworkConfig, provenance: Provenance) -> bool:
    """Whether a checkpoint came of just this training (which chooses anchors and decoding)."""
    from netzoo.checkpoint import read_header

    try:
        header = read_header(path)
    except InputError:
        return False
    asked = replace(header.config, anchors=config.anchors, decoding=config.decoding)
    return (asked, header.provenance) == (config, provenance)
