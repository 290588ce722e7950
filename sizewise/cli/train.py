"""``sizewise train``: a network and a data set → a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sizewise import codec
from sizewise.cli import console
from sizewise.cli.classes import read_classes
from sizewise.cli.options import Data, Json, Out
from sizewise.errors import InputError, UsageError
from sizewise.files import output_folder

if TYPE_CHECKING:
    from netzoo.checkpoint import Provenance
    from netzoo.config import NetworkConfig
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco import Dataset
    from netzoo.data.sources import Split
    from netzoo.network import Network, NetworkEntry
    from netzoo.tasks.top_k import ClassScores
    from netzoo.training.pretrained import Pretrained
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
    loss: Annotated[str, typer.Option(help="The loss (default: the network's first).")] = "",
    weights: Annotated[
        Path | None,
        typer.Option(help="Weights to begin with: safetensors, a state dict, a Darknet file."),
    ] = None,
    tree: Annotated[
        Path | None, typer.Option(help="A .tree file: classes that are kinds of one another.")
    ] = None,
    classification_data: Annotated[
        str, typer.Option(help="Images with a class and no boxes, for the loss joint.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of weights, batches and sizes.")] = 0,
    out: Out = Path("runs/train"),
    as_json: Json = False,
) -> None:
    """Train a network, at a random size per step, and write a safetensors checkpoint.

    A detector learns boxes. A classifier learns from a folder with train/<class>/ and val/<class>/,
    or from the boxes of a detection data set, cut out; and so does a detector, beside its boxes,
    with --loss joint and --classification-data.
    """
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
        weights=weights,
        tree=tree,
        classification_data=classification_data,
        seed=seed,
    )
    checkpoint = train_checkpoint(table, data, output_folder(out))
    scores = _scores(table, data, checkpoint)
    if as_json:
        console.show_json({"checkpoint": str(checkpoint), "scores": codec.to_plain(scores)})
        return
    typer.echo(f"Checkpoint: {checkpoint}")
    if scores:
        typer.echo(f"Validation: top-1 {scores.top1:.1%}, top-5 {scores.top5:.1%}")
    console.next_step(f"sizewise export {checkpoint} --dynamic")


def train_checkpoint(table: TrainTable, source: str, out: Path) -> Path:
    """Where the checkpoint lies; one of the same data, weights and settings is taken as it is."""
    from netzoo.checkpoint import Provenance, save_checkpoint
    from netzoo.network import find_network
    from netzoo.training.pretrained import open_pretrained
    from netzoo.training.trainer import train as train_network

    entry = find_network(table.network)
    settings = table.settings
    data = _open(entry, source, "train")
    classified = _open_classified(table)
    start = open_pretrained(table.weights, entry) if table.weights else None
    config = _config(table, data, start)
    provenance = Provenance(
        settings=settings,
        data=data.name,
        data_sha256=data.sha256,
        weights_sha256=start.sha256 if start else "",
        classified_sha256=classified.sha256 if classified else "",
    )
    path = out / f"{entry.name}.safetensors"
    if path.exists():
        if _is_of(path, config, provenance):
            console.remark(f"{path} is of these settings and this data already: not trained again.")
            return path
        console.remark(f"{path} is of other settings or data: trained anew, and then replaced.")
    network = train_network(
        config,
        data,
        settings,
        console.progress(),
        start=(lambda new: _fill(new, start)) if start else None,
        classified=classified,
    )
    save_checkpoint(path, network, provenance)
    if entry.anchors and not config.anchors and network.config.anchors == entry.anchors:
        console.remark("The data has too few shapes of boxes to fit anchors: the published stay.")
    return path


def _config(
    table: TrainTable, data: Dataset | ClassifiedSet, start: Pretrained | None
) -> NetworkConfig:
    """With the classes of the tree; without one, with those of the data."""
    from netzoo.config import NetworkConfig

    classes, tree = read_classes(None, table.tree) if table.tree else (data.classes, ())
    return NetworkConfig(
        name=table.network,
        classes=classes,
        tree=tree,
        width=table.width,
        depth=table.depth,
        anchors=start.anchors if start else (),
    )


def _open(entry: NetworkEntry, source: str, split: Split) -> Dataset | ClassifiedSet:
    from netzoo.data.classified import open_classified
    from netzoo.data.sources import open_dataset

    opened = open_classified if entry.task == "classification" else open_dataset
    return opened(source, split, progress=console.progress())


def _open_classified(table: TrainTable) -> ClassifiedSet | None:
    """What the loss joint has beside boxes. Raises UsageError where that is missing."""
    from netzoo.data.classified import open_classified
    from netzoo.training.joint import JOINT

    if table.classification_data:
        return open_classified(table.classification_data, "train", progress=console.progress())
    if table.settings.loss == JOINT:
        raise UsageError(
            f"{table.network} can't be trained with the loss {JOINT} on boxes alone",
            "it learns from classified images at the same time",
            "Give --classification-data too, or choose another loss.",
        )
    return None


def _fill(network: Network, start: Pretrained) -> None:
    filled, count = start.fill(network), len(list(network.convolutions()))
    others = "" if filled == count else "; the others begin at random"
    console.remark(f"{start.path} fills {filled} of {count} convolutions{others}.")


def _scores(table: TrainTable, source: str, checkpoint: Path) -> ClassScores | None:
    """Of a classifier, at the largest size of its training; none where there is no data to
    validate with."""
    from netzoo.checkpoint import load_checkpoint
    from netzoo.data.classified import open_classified
    from netzoo.network import find_network
    from netzoo.training.evaluate import evaluate_classifier

    if find_network(table.network).task != "classification":
        return None
    size = max(table.settings.sizes, key=lambda size: size.pixels)
    try:
        data = open_classified(source, "val", progress=console.progress())
        return evaluate_classifier(load_checkpoint(checkpoint), data, size, console.progress())
    except InputError as error:
        console.remark(f"Not evaluated. {error}")
        return None


def _is_of(path: Path, config: NetworkConfig, provenance: Provenance) -> bool:
    """Whether a checkpoint came of just this training (which chooses anchors and decoding)."""
    from netzoo.checkpoint import read_header

    try:
        header = read_header(path)
    except InputError:
        return False
    asked = replace(header.config, anchors=config.anchors, decoding=config.decoding)
    return (asked, header.provenance) == (config, provenance)
