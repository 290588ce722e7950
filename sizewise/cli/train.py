"""``sizewise train``: a network and a data set → a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netzoo.data.pictures.folder import PictureFolder
from netzoo.training.loop.ranks import rank_told
from sizewise.cli import console
from sizewise.cli.options import Json, Out
from sizewise.core import codec
from sizewise.pipeline.models.left_out import VALIDATION
from sizewise.pipeline.models.training import TrainOptions

if TYPE_CHECKING:
    from sizewise.pipeline.train import Trained


def train(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="A network's name (sizewise networks).")
    ],
    options: TrainOptions,
    *,
    data: Annotated[
        str,
        typer.Option(
            help="Data to learn from: a data set's name, a COCO JSON file, a data.yaml, or a "
            "folder in the layout of COCO, Pascal VOC or YOLO, with masks, or (for classifiers) "
            "with train/CLASS/ and val/CLASS/.",
            rich_help_panel="Data",
        ),
    ] = "digits",
    folder: PictureFolder,
    out: Out = Path("runs/train"),
    as_json: Json = False,
) -> None:
    """Train a network at sizes drawn at random, and write a safetensors checkpoint.

    A detector learns boxes. A classifier learns from a folder with train/CLASS/ and val/CLASS/, or
    from the boxes of a detection data set, cut out. With --loss joint and --classification-data, a
    detector learns from classified images as well. multiscale learns masks; with several fusions,
    one network is trained for each.
    """
    from sizewise.pipeline.models.training import Training
    from sizewise.pipeline.train import train

    training = Training(network=network, options=options)
    trained = train(training, data, images=folder.images, out=out, reporter=console.reporter())
    if rank_told():  # of several processes, the first one says it
        return
    if as_json:
        plain = [codec.to_plain(one) for one in trained]
        console.show_json(plain[0] if len(plain) == 1 else {"checkpoints": plain})
        return
    for one in trained:
        console.say(f"Checkpoint: {one.checkpoint}")
        if one.scores:
            console.say(f"Validation at {one.size}: {_listed(one.scores)}{_without(one)}")
        if one.best_scores:
            console.say(f"Best: {one.best}, {_listed(one.best_scores)}")
    checkpoint = trained[0].best or trained[0].checkpoint
    console.next_step(console.command("export", checkpoint, "--dynamic"))


def _without(trained: Trained) -> str:
    """What the scores are without, counted."""
    count = sum(one.part == VALIDATION for one in trained.skipped)
    what = "1 picture or label" if count == 1 else f"{count} pictures or labels"
    return f" (without {what} that can't be used)" if count else ""


def _listed(scores: Mapping[str, float]) -> str:
    """The scores in words: ``mIoU 0.812, F-measure 0.734``."""
    from netzoo.tasks.registry import tasks

    labels = {name: label for task in tasks().values() for name, label in task.metrics.items()}
    return ", ".join(f"{labels[name]} {value:.3f}" for name, value in scores.items())
