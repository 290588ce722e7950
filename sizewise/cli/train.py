"""``sizewise train``: a network and a data set → a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netzoo.data.class_names import read_classes
from sizewise.cli import console
from sizewise.cli.options import Data, Json, Out
from sizewise.core import codec
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.onnxfile import sha256_of
from sizewise.pipeline.candidates import SCORES
from sizewise.pipeline.scaling import BackboneList, Fusion, ScaleList

if TYPE_CHECKING:
    from netzoo.checkpoint import Provenance
    from netzoo.config import NetworkConfig
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco import Dataset
    from netzoo.data.sources import Split
    from netzoo.network import Network, NetworkEntry
    from netzoo.training.pretrained import Pretrained
    from sizewise.core.specs import Size
    from sizewise.pipeline.config import TrainTable


OBJECT = "object"
"""The one class of a mask."""


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
    fusion: Fusion = "",
    scales: ScaleList = "",
    backbone: BackboneList = "",
    backbone_weights: Annotated[
        Path | None, typer.Option(help="Of multiscale's one backbone: safetensors, as timm has it.")
    ] = None,
    scale_weights: Annotated[
        str, typer.Option(help="Of each scale's own loss (default: 1 for 1, 0.5 for others).")
    ] = "",
    consistency: Annotated[
        float, typer.Option(help="Weight of how much the scales' masks differ.")
    ] = 0.0,
    price: Annotated[
        float, typer.Option(help="Of the pixels that --fusion adaptive computes: leave some out.")
    ] = 0.0,
    single_scale_steps: Annotated[
        int, typer.Option(help="Steps at scale 1 alone before all are trained.")
    ] = 0,
    checkpointing: Annotated[
        bool, typer.Option(help="Compute inner values again in place of keeping them.")
    ] = False,
    sequential: Annotated[
        bool, typer.Option(help="Process scales one after another: the same result.")
    ] = False,
    out: Out = Path("runs/train"),
    as_json: Json = False,
) -> None:
    """Train a network, at a random size per step, and write a safetensors checkpoint.

    A detector learns boxes. A classifier learns from a folder with train/<class>/ and val/<class>/,
    or from the boxes of a detection data set, cut out; and so does a detector, beside its boxes,
    with --loss joint and --classification-data. multiscale learns masks; of several fusions, each
    is trained by itself.
    """
    from sizewise.pipeline.config import TrainTable

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
        fusion=fusion,
        scales=scales,
        backbone=backbone,
        backbone_weights=backbone_weights,
        scale_weights=scale_weights,
        consistency=consistency,
        price=price,
        single_scale_steps=single_scale_steps,
        checkpointing=checkpointing,
        sequential=sequential,
    )
    table.check()
    folder = output_folder(out)
    trained = [_validated(one, data, train_checkpoint(one, data, folder)) for one in table.each()]
    if as_json:
        plain = [codec.to_plain(one) for one in trained]
        console.show_json(plain[0] if len(plain) == 1 else {"checkpoints": plain})
        return
    for one in trained:
        typer.echo(f"Checkpoint: {one.checkpoint}")
        if one.scores:
            typer.echo(f"Validation at {one.size}: {_listed(one.scores)}")
    console.next_step(f"sizewise export {trained[0].checkpoint} --dynamic")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A checkpoint, and what it scores (0–1) at ``size`` on the validation part of the data, by
    the names that ``sizewise evaluate --json`` has for it."""

    checkpoint: str
    size: str = ""
    scores: Mapping[str, float] | None = None


def _listed(scores: Mapping[str, float]) -> str:
    """``mIoU 0.812, F-measure 0.734``."""
    labels = {name: label for names in SCORES.values() for name, label in names.items()}
    return ", ".join(f"{labels[name]} {value:.3f}" for name, value in scores.items())


def train_checkpoint(table: TrainTable, source: str, out: Path) -> Path:
    """Where the checkpoint lies; one of the same data, weights and settings is taken as it is."""
    from netzoo.checkpoint import Provenance, save_checkpoint
    from netzoo.network import find_network
    from netzoo.training.history import History
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
        backbone_sha256=sha256_of(table.backbone_weights) if table.backbone_weights else "",
    )
    path = out / f"{config.stem}.safetensors"
    if path.exists():
        if _is_of(path, config, provenance):
            console.remark(f"{path} is of these settings and this data already: not trained again.")
            return path
        console.remark(f"{path} is of other settings or data: trained anew, and then replaced.")
    history = History()
    network = train_network(
        config,
        data,
        settings,
        console.progress(),
        start=lambda new: _begin(new, start, table.backbone_weights),
        classified=classified,
        record=history.add,
    )
    save_checkpoint(path, network, provenance)
    history.save(path.with_suffix(".losses.csv"))
    console.remark(
        f"Loss at the end, weighted: {history.summary()} ({path.stem}.losses.csv has all steps)."
    )
    if entry.anchors and not config.anchors and network.config.anchors == entry.anchors:
        console.remark("The data has too few shapes of boxes to fit anchors: the published stay.")
    return path


def _config(
    table: TrainTable, data: Dataset | ClassifiedSet, start: Pretrained | None
) -> NetworkConfig:
    """With the classes of the tree; without one, with those of the data."""
    from netzoo.config import NetworkConfig
    from netzoo.network import find_network

    classes, tree = read_classes(None, table.tree) if table.tree else (data.classes, ())
    if find_network(table.network).task == "segmentation":
        classes = (OBJECT,)
    return NetworkConfig(
        name=table.network,
        classes=classes,
        tree=tree,
        width=table.width,
        depth=table.depth,
        anchors=start.anchors if start else (),
        multiscale=table.scaling.config(),
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


def _begin(network: Network, start: Pretrained | None, backbone: Path | None) -> None:
    if backbone:
        from netzoo.training.pretrained import fill_backbone

        fill_backbone(network, backbone)
    if start is None:
        return
    filled, count = start.fill(network), len(list(network.convolutions()))
    others = "" if filled == count else "; the others begin at random"
    console.remark(f"{start.path} fills {filled} of {count} convolutions{others}.")


def _validated(table: TrainTable, source: str, checkpoint: Path) -> Trained:
    """Detectors are not evaluated here (``sizewise evaluate`` does it), and nothing is where there
    is no data to validate with."""
    from netzoo.checkpoint import load_checkpoint
    from netzoo.network import find_network

    judge = _JUDGES.get(find_network(table.network).task)
    if judge is None:
        return Trained(checkpoint=str(checkpoint))
    size = max(table.settings.sizes, key=lambda size: size.pixels)
    try:
        scores = judge(load_checkpoint(checkpoint), source, size)
    except InputError as error:
        console.remark(f"Not evaluated. {error}")
        return Trained(checkpoint=str(checkpoint))
    return Trained(checkpoint=str(checkpoint), size=str(size), scores=scores)


def _judge_classes(network: Network, source: str, size: Size) -> dict[str, float]:
    from netzoo.data.classified import open_classified
    from netzoo.training.evaluate import evaluate_classifier

    data = open_classified(source, "val", progress=console.progress())
    scores = evaluate_classifier(network, data, size, console.progress())
    return {name: getattr(scores, name) for name in SCORES["classification"]}


def _judge_masks(network: Network, source: str, size: Size) -> dict[str, float]:
    from netzoo.data.sources import open_dataset
    from netzoo.training.evaluate import evaluate_masks

    data = open_dataset(source, "val", progress=console.progress())
    scores = evaluate_masks(network, data, size, console.progress())
    return {name: getattr(scores, name) for name in SCORES["segmentation"]}


_JUDGES: Mapping[str, Callable[[Network, str, Size], dict[str, float]]] = {
    "classification": _judge_classes,
    "segmentation": _judge_masks,
}


def _is_of(path: Path, config: NetworkConfig, provenance: Provenance) -> bool:
    """Whether a checkpoint came of just this training (which chooses anchors and decoding)."""
    from netzoo.checkpoint import read_header

    try:
        header = read_header(path)
    except InputError:
        return False
    asked = replace(header.config, anchors=config.anchors, decoding=config.decoding)
    return (asked, header.provenance) == (config, provenance)
