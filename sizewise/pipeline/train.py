"""A network and a data set → a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netzoo.data.class_names import read_classes
from netzoo.data.reading import reading
from netzoo.tasks.showing import FITS
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.limits import BATCH
from sizewise.core.options.reading import (
    PATH,
    SIZES,
    SWITCH,
    TEXT,
    choice,
    number,
    optional,
    several,
    whole,
)
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import Sizes
from sizewise.pipeline.models.scaling import ScalingOptions

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.data.coco.folders import Split
    from netzoo.training.pretrained import Pretrained
    from netzoo.training.settings import ScaleTraining, TrainingSettings
    from netzoo.weights.checkpoint import Provenance
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.network import Network, NetworkEntry

_NETWORK, _TRAINING, _SCALES = "Network", "Training", "Several scales (network multiscale)"


@dataclass(frozen=True, kw_only=True)
class TrainOptions(ScalingOptions):
    """The options of ``sizewise train`` and of the table ``[train]`` beside the network.

    Paths are relative to the working folder. Each ``fusion`` is a training of its own.
    """

    width: float = option(number(above=0), 1.0, help="Width multiplier.", group=_NETWORK)
    depth: float = option(number(above=0), 1.0, help="Depth multiplier.", group=_NETWORK)
    weights: Path | None = option(
        optional(PATH),
        None,
        help="Initial weights: a safetensors file, a state dict, or a Darknet file.",
        group=_NETWORK,
        shown="random",
    )
    tree: Path | None = option(
        optional(PATH),
        None,
        help="Hierarchy of the classes: a Darknet .tree file.",
        group=_NETWORK,
    )
    backbone_weights: Path | None = option(
        optional(PATH),
        None,
        help="Initial weights of multiscale's backbone: a safetensors file with timm's names.",
        group=_NETWORK,
        shown="random",
    )
    fit: str | None = option(
        optional(choice(*FITS)),
        None,
        help="How pictures are fitted into the input: scaled by one factor with grey around them, "
        "or stretched. The checkpoint keeps it.",
        group=_TRAINING,
        shown="the network's own",
    )
    steps: int = option(whole(1), 700, help="Optimiser steps.", group=_TRAINING)
    batch: int = option(whole(1, BATCH), 8, help="Images per step.", group=_TRAINING)
    sizes: Sizes = option(
        SIZES,
        Sizes.parse("160:320:32"),
        help="Input sizes in pixels; one of them is drawn at each step.",
        group=_TRAINING,
    )
    learning_rate: float = option(
        number(above=0), 2e-3, help="Peak learning rate.", group=_TRAINING
    )
    loss: str = option(
        TEXT,
        "",
        help="Loss; sizewise networks lists those of each network.",
        group=_TRAINING,
        shown="the network's first",
    )
    classification_data: str = option(
        TEXT,
        "",
        help="Images with a class and no boxes, for the loss joint: a folder with train/CLASS/.",
        group=_TRAINING,
    )
    seed: int = option(
        whole(0), 0, help="Random seed of weights, batches and sizes.", group=_TRAINING
    )
    scale_weights: tuple[float, ...] = option(
        several(number(0)),
        (),
        help="Loss weight of each scale (comma list).",
        group=_SCALES,
        shown="1 for scale 1, 0.5 for others",
    )
    consistency: float = option(
        number(0),
        0.0,
        help="Loss weight of the differences between the scales' masks.",
        group=_SCALES,
    )
    price: float = option(
        number(0),
        0.0,
        help="Loss weight of the pixels computed, for the fusion adaptive; above 0 it leaves "
        "scales out.",
        group=_SCALES,
    )
    single_scale_steps: int = option(
        whole(0), 0, help="Steps at scale 1 alone before all scales are trained.", group=_SCALES
    )
    checkpointing: bool = option(
        SWITCH,
        False,
        help="Recompute activations in the backward pass: slower, less memory.",
        group=_SCALES,
    )
    sequential: bool = option(
        SWITCH,
        False,
        help="Process the scales one after another; the result is the same.",
        group=_SCALES,
    )


@dataclass(frozen=True, kw_only=True)
class Training:
    """A network and how it is trained; :meth:`check` checks the values together."""

    network: str
    options: TrainOptions

    def each(self) -> tuple[Training, ...]:
        """One training for each fusion."""
        each = self.options.scaling.each(self.network)
        return tuple(
            replace(self, options=replace(self.options, fusion=(one.fusion,) if one.fusion else ()))
            for one in each
        )

    @property
    def scale_training(self) -> ScaleTraining | None:
        """The settings of several scales; None where all are at their defaults."""
        from netzoo.training.settings import ScaleTraining

        options = self.options
        chosen = ScaleTraining(
            weights=options.scale_weights,
            consistency=options.consistency,
            price=options.price,
            single_scale_steps=options.single_scale_steps,
            checkpointing=options.checkpointing,
            sequential=options.sequential,
        )
        return None if chosen == ScaleTraining() else chosen

    @property
    def settings(self) -> TrainingSettings:
        """The settings of the trainer, with the loss chosen. Raises UsageError."""
        from netzoo.losses._registry import choose_loss
        from netzoo.training.settings import TrainingSettings
        from netzoo.zoo.network import find_network

        options = self.options
        return TrainingSettings(
            steps=options.steps,
            batch_size=options.batch,
            sizes=options.sizes,
            learning_rate=options.learning_rate,
            loss=choose_loss(find_network(self.network), options.loss).name,
            seed=options.seed,
            scales=self.scale_training,
        )

    def check(self) -> None:
        """Check the values together, before hours of training. Raises UsageError."""
        from netzoo.training.waiting import load_torch_to_train

        load_torch_to_train()

        from netzoo.training.checks import check_scales, check_sizes
        from netzoo.zoo.config import NetworkConfig
        from netzoo.zoo.cost import build_without_weights
        from netzoo.zoo.network import find_network

        entry, settings = find_network(self.network), self.settings
        check_sizes(entry, settings)
        for training in self.each():
            config = NetworkConfig(
                name=self.network,
                classes=tuple(map(str, range(entry.classes))),
                width=self.options.width,
                depth=self.options.depth,
                multiscale=training.options.scaling.config(),
            )
            build_without_weights(config)
            check_scales(entry, config, settings)
        self._check_price()

    def _check_price(self) -> None:
        from netzoo.fusions._registry import find_fusion, fusions

        price = self.options.price
        if price and not any(find_fusion(t.options.scaling.fusion).weighs for t in self.each()):
            weighing = ", ".join(name for name, entry in fusions().items() if entry.weighs)
            raise UsageError(
                f"{spelled('price')} {price:g} has no effect",
                "none of these fusions weighs scales, so none leaves any out",
                f"Leave it out, or choose a fusion that weighs them: {weighing}.",
            )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A checkpoint, and its scores (0–1) at ``size`` on the validation part of the data.

    Their names are those of ``sizewise evaluate --json``.
    """

    checkpoint: str
    size: str = ""
    scores: Mapping[str, float] | None = None


def train(
    training: Training,
    data: str,
    *,
    out: Path,
    images: Path | None = None,
    reporter: Reporter = SILENT,
) -> tuple[Trained, ...]:
    """Train a checkpoint in ``out`` for each fusion; one of the same data and settings is reused.
    ``images`` is the folder of the pictures, where annotations lie elsewhere.

    Raises UsageError, InputError, OutputError and TrainingError.
    """
    training.check()
    folder = output_folder(out)
    source = _Source(data, images)
    return tuple(
        _validated(one, source, train_checkpoint(one, data, folder, reporter, images), reporter)
        for one in training.each()
    )


def train_checkpoint(
    training: Training,
    source: str,
    out: Path,
    reporter: Reporter = SILENT,
    images: Path | None = None,
) -> Path:
    """Train one checkpoint and return its path; one of the same data and settings is reused."""
    from netzoo.training.history import History
    from netzoo.training.pretrained import open_pretrained
    from netzoo.training.trainer import train as train_network
    from netzoo.weights.checkpoint import Provenance, save_checkpoint
    from netzoo.zoo.network import find_network

    entry, options = find_network(training.network), training.options
    settings = training.settings
    data = _open(entry, _Source(source, images), "train", reporter)
    classified = _open_classified(training, reporter)
    start = open_pretrained(options.weights, entry) if options.weights else None
    config = _config(training, data, start)
    provenance = Provenance(
        settings=settings,
        data=data.name,
        data_sha256=data.sha256,
        weights_sha256=start.sha256 if start else "",
        classified_sha256=classified.sha256 if classified else "",
        backbone_sha256=_sha256(options.backbone_weights),
    )
    path = out / f"{config.stem}.safetensors"
    if path.exists():
        if _is_of(path, config, provenance):
            reporter.remark(
                f"{path} is up to date with these settings and this data: not trained again."
            )
            return path
        reporter.remark(f"{path} has other settings or data: it is trained anew and replaced.")
    history = History()
    network = train_network(
        config,
        data,
        settings,
        reporter,
        start=lambda new: _begin(new, start, options.backbone_weights, reporter),
        classified=classified,
        record=history.add,
    )
    # The checkpoint last: where it is up to date, nothing is written again.
    history.save(path.with_suffix(".losses.csv"))
    save_checkpoint(path, network, provenance)
    reporter.remark(
        f"Final loss, weighted: {history.summary()} (all steps: {path.stem}.losses.csv)."
    )
    if entry.anchors and not config.anchors and network.config.anchors == entry.anchors:
        reporter.remark(
            "The data has too few box shapes to fit anchors: the published anchors are used."
        )
    return path


def _sha256(path: Path | None) -> str:
    """The hash of a file, empty without one. Raises InputError where it can't be read."""
    if path is None:
        return ""
    with reading(path):
        return sha256_of(path)


def _config(
    training: Training, data: Dataset | ClassifiedSet, start: Pretrained | None
) -> NetworkConfig:
    """The network's configuration, with the classes of the tree, or else those of the data."""
    from netzoo.tasks.registry import find_task
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.network import find_network

    options = training.options
    own = find_task(find_network(training.network).task).classes(data)
    classes, tree = read_classes((), options.tree) if options.tree else (own, ())
    return NetworkConfig(
        name=training.network,
        classes=classes,
        tree=tree,
        width=options.width,
        depth=options.depth,
        anchors=start.anchors if start else (),
        multiscale=options.scaling.config(),
        letterbox=FITS[options.fit] if options.fit else None,
    )


class _Source(NamedTuple):
    """A source of data, and the folder of its pictures where a user names it."""

    data: str
    images: Path | None


def _open(
    entry: NetworkEntry, source: _Source, split: Split, reporter: Reporter
) -> Dataset | ClassifiedSet:
    from netzoo.tasks.registry import find_task

    task = find_task(entry.task)
    return task.open_data(source.data, split, reporter, images=source.images)


def _open_classified(training: Training, reporter: Reporter) -> ClassifiedSet | None:
    """The classified images of the loss joint. Raises UsageError where they are missing."""
    from netzoo.data.classified import open_classified
    from netzoo.training.joint import JOINT

    if training.options.classification_data:
        return open_classified(training.options.classification_data, "train", progress=reporter)
    if training.settings.loss == JOINT:
        raise UsageError(
            f"{training.network} can't be trained with the loss {JOINT} on boxes alone",
            "it learns from classified images at the same time",
            f"Give {spelled('classification_data')} too, or choose another loss.",
        )
    return None


def _begin(
    network: Network, start: Pretrained | None, backbone: Path | None, reporter: Reporter
) -> None:
    if backbone:
        from netzoo.training.pretrained import fill_backbone

        fill_backbone(network, backbone)
    if start is None:
        return
    filled, count = start.fill(network), len(list(network.convolutions()))
    others = "" if filled == count else "; the others start at random"
    reporter.remark(f"{start.path} fills {filled} of {count} convolutions{others}.")


def _validated(
    training: Training, source: _Source, checkpoint: Path, reporter: Reporter
) -> Trained:
    """The checkpoint with its scores, where its task is evaluated after training.

    Detectors are not (``sizewise evaluate`` does it), and validation data may be missing.
    """
    from netzoo.tasks.registry import find_task
    from netzoo.training.evaluate import evaluate_network
    from netzoo.weights.checkpoint import load_checkpoint
    from netzoo.zoo.network import find_network

    entry = find_network(training.network)
    if not find_task(entry.task).evaluated_after_training:
        return Trained(checkpoint=str(checkpoint))
    size = max(training.settings.sizes, key=lambda size: size.pixels)
    try:
        data = _open(entry, source, "val", reporter)
        scores = evaluate_network(load_checkpoint(checkpoint), data, size, reporter)
    except InputError as error:
        reporter.remark(f"Not evaluated. {error}")
        return Trained(checkpoint=str(checkpoint))
    return Trained(checkpoint=str(checkpoint), size=str(size), scores=scores)


def _is_of(path: Path, config: NetworkConfig, provenance: Provenance) -> bool:
    """Whether a checkpoint is of just this training (which chooses anchors and decoding)."""
    from netzoo.weights.checkpoint import read_header

    try:
        header = read_header(path)
    except InputError:
        return False
    requested = replace(header.config, anchors=config.anchors, decoding=config.decoding)
    return (requested, header.provenance) == (config, provenance)
