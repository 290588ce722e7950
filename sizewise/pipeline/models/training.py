"""What a user says of a training: the options, and the settings that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netzoo.tasks.showing import FITS
from netzoo.training.augmenting.settings import PRESETS, Augmentation
from netzoo.training.loop.ranks import neighbours_told, processes_told
from netzoo.training.ranges import RANGES, usual_sizes
from sizewise.core.errors import UsageError
from sizewise.core.machine.cores import usable_cores
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.limits import BATCH, WORKERS
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
from sizewise.core.specs import Sizes
from sizewise.pipeline.models.scaling import ScalingOptions

if TYPE_CHECKING:
    from netzoo.training.settings import LossGains, LossTerms, ScaleTraining, TrainingSettings
    from netzoo.zoo.config import MultiscaleConfig

_NETWORK, _TRAINING, _CHANGES = "Network", "Training", "Changes of images"
_LOGS = "Logs"
_GAINS = "Gains and thresholds of the loss (detectors)"
_SCALES = "Several scales (network multiscale)"
_STEPS = 700
_FEW_IMAGES = 2000
_MOST_WORKERS = 8


def _share(text: str) -> Any:
    """An option of the augmentation."""
    return option(optional(number(0)), None, help=text, group=_CHANGES, shown="the preset's")


def _gain(text: str, *, most: float | None = None) -> Any:
    """An option of the loss."""
    return option(
        optional(number(0, most=most)), None, help=text, group=_GAINS, shown="the loss's own"
    )


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
    strict: bool = option(
        SWITCH,
        False,
        help="Stop at what is else left out and named: pictures and labels that can't be used, and "
        "initial weights that do not fit the network.",
        group=_TRAINING,
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
    anchors: tuple[float, ...] = option(
        several(number(above=0)),
        (),
        help="Anchors in pixels, the smallest first: width,height of each, as sizewise anchors "
        "prints them (comma list).",
        group=_NETWORK,
        shown="fitted to the data",
    )
    cfg: Path | None = option(
        optional(PATH),
        None,
        help="Darknet's .cfg file: its anchors and masks, letter_box where it says so, and the "
        "classes and the decoding that initial weights were trained with.",
        group=_NETWORK,
    )
    fit: str | None = option(
        optional(choice(*FITS)),
        None,
        help="How pictures are fitted into the input: scaled by one factor with grey around them, "
        "or stretched. The checkpoint keeps it.",
        group=_TRAINING,
        shown="that of initial weights or of the .cfg file, or the network's own",
    )
    steps: int | None = option(
        optional(whole(1)),
        None,
        help="Steps of the optimizer.",
        group=_TRAINING,
        shown=f"{_STEPS}, where --epochs does not say it",
    )
    epochs: float | None = option(
        optional(number(above=0)),
        None,
        help="Times that each image is seen, instead of --steps.",
        group=_TRAINING,
    )
    batch: int = option(
        whole(1, BATCH),
        8,
        help="Images per batch at the mean size. Small sizes take more and large ones fewer, so "
        "that memory stays level.",
        group=_TRAINING,
    )
    fixed_batch: bool = option(
        SWITCH, False, help="As many images per batch at every size.", group=_TRAINING
    )
    sizes: Sizes | None = option(
        optional(SIZES),
        None,
        help="Input sizes in pixels: one is drawn at random for every --size-every steps.",
        group=_TRAINING,
        shown="5 to 10 strides, 160:320:32 at a stride of 32",
    )
    size_range: str | None = option(
        optional(choice(*RANGES)),
        None,
        help="Input sizes that a detector is published with, instead of --sizes. yolov5, yolov8, "
        "yolov9 and yolo-world are ranges only: these networks are not in the zoo.",
        group=_TRAINING,
    )
    final_epochs: float = option(
        number(0), 0.0, help="Last epochs, at the largest size alone.", group=_TRAINING
    )
    size_every: int = option(
        whole(1), 10, help="Steps at one size before the next is drawn.", group=_TRAINING
    )
    learning_rate: float = option(
        number(above=0), 2e-3, help="Peak learning rate.", group=_TRAINING
    )
    weight_decay: float = option(
        number(0), 0.02, help="Decay of the convolutions' weights.", group=_TRAINING
    )
    warmup_steps: int = option(
        whole(0), 50, help="Steps in which the learning rate rises to its peak.", group=_TRAINING
    )
    optimizer: str = option(
        choice("adamw", "sgd"),
        "adamw",
        help="Optimizer; sgd wants a learning rate of about 0.01 and a decay of 0.0005.",
        group=_TRAINING,
    )
    momentum: float = option(number(0), 0.9, help="Momentum of the optimizer sgd.", group=_TRAINING)
    accumulate: int = option(
        whole(1),
        1,
        help="Batches whose gradients one step adds up, where memory does not hold them at once.",
        group=_TRAINING,
    )
    gradient_norm: float = option(
        number(above=0), 10.0, help="Largest norm of a gradient.", group=_TRAINING
    )
    ema_decay: float = option(
        number(0),
        0.99,
        help="Decay of the running mean of the weights; 0.9998 for tens of thousands of steps.",
        group=_TRAINING,
    )
    arithmetic: str = option(
        choice("auto", "fp32", "bf16", "fp16"),
        "auto",
        help="Arithmetic of the network; auto is bf16 where the processor multiplies in it.",
        group=_TRAINING,
    )
    device: str = option(
        choice("cpu", "cuda"), "cpu", help="Where the network is trained.", group=_TRAINING
    )
    workers: int | None = option(
        optional(whole(0, WORKERS)),
        None,
        help="Processes that load and change pictures ahead of the training; 0: it does so itself. "
        "The result is the same.",
        group=_TRAINING,
        shown="by the cores; 0 for a short training",
    )
    replace: bool = option(
        SWITCH,
        False,
        help="Replace a training of other options or data that is in the folder.",
        group=_TRAINING,
    )
    label_smoothing: float = option(
        number(0),
        0.0,
        help="ε of label smoothing; 0.1 in its paper.",
        group=_TRAINING,
    )
    focal_gamma: float = option(
        number(0),
        0.0,
        help="Focusing parameter γ of the focal loss; 2 in its paper, 0: no focal loss.",
        group=_TRAINING,
    )
    focal_alpha: float = option(
        number(above=0),
        0.25,
        help="Weight α of what is there in the focal loss; 1 − α weighs what is not.",
        group=_TRAINING,
    )
    freeze: str = option(
        TEXT,
        "",
        help="Layers that learn nothing: backbone, or a number of convolutions from the first on.",
        group=_TRAINING,
        shown="none",
    )
    freeze_norm: bool = option(
        SWITCH,
        False,
        help="Keep the statistics of all BatchNorms, as for batches of one or two images.",
        group=_TRAINING,
    )
    checkpointing: bool = option(
        SWITCH,
        False,
        help="Recompute activations in the backward pass: slower, less memory.",
        group=_TRAINING,
    )
    validate_every: float = option(
        number(0),
        1.0,
        help="Epochs between two validations, where the data have a part for them; 0: none.",
        group=_TRAINING,
    )
    patience: int = option(
        whole(0),
        0,
        help="Validations without a better score before training ends early; 0: never.",
        group=_TRAINING,
    )
    augment: str = option(
        choice(*PRESETS),
        "none",
        help="How images are changed: moved, mirrored and recoloured (light); four in one, too "
        "(mosaic); and mixed with others (strong).",
        group=_CHANGES,
    )
    mosaic: float | None = _share("Share of images that are made of four.")
    flip: float | None = _share("Share of images that are mirrored; 0 where left is not right.")
    scale: float | None = _share("Largest change of the scale, as a share.")
    translate: float | None = _share("Largest move, as a share of the input.")
    hue: float | None = _share("Largest change of the hue, as a share.")
    saturation: float | None = _share("Largest change of the saturation, as a share.")
    value: float | None = _share("Largest change of the value, as a share.")
    mix_up: float | None = _share("Share of images that are blended with another.")
    copy_paste: float | None = _share("Share of images with the objects of another (masks).")
    least_area: float | None = _share(
        "Least part of a box that must still be seen; one of which less is left goes."
    )
    draw_batches: int = option(
        whole(0, BATCH),
        0,
        help="First batches that are drawn with their boxes or masks, a PNG each.",
        group=_LOGS,
    )
    tensorboard: bool = option(
        SWITCH,
        False,
        help="Write TensorBoard's files beside the checkpoint (needs the extra tensorboard).",
        group=_LOGS,
    )
    loss: str = option(
        TEXT,
        "",
        help="Loss; sizewise networks lists those of each network.",
        group=_TRAINING,
        shown="the network's first",
    )
    box_gain: float | None = _gain("Weight of the boxes.")
    objectness_gain: float | None = _gain("Weight of the objectness where a box is.")
    background_gain: float | None = _gain(
        "Weight of the objectness where nothing is (losses of YOLOv2, YOLOv3 and YOLOv4)."
    )
    class_gain: float | None = _gain("Weight of the classes.")
    objectness_balance: tuple[float, ...] = option(
        several(number(0)),
        (),
        help="Weight of the objectness of each head, the finest first (comma list).",
        group=_GAINS,
        shown="the loss's own",
    )
    ignore_iou: float | None = _gain(
        "IoU with a box above which a prediction is no background.", most=1
    )
    anchor_ratio: float | None = option(
        optional(number(above=1, most=4)),
        None,
        help="Ratio of sides up to which an anchor answers for a box.",
        group=_GAINS,
        shown="the loss's own",
    )
    answer_iou: float | None = _gain(
        "IoU of shapes above which further anchors answer for a box, beside the best; 1: none do "
        "(losses of YOLOv3 and YOLOv4).",
        most=1,
    )
    assumed_iou: float | None = _gain(
        "IoU that a classified image's best box is taken to have (loss joint).", most=1
    )
    classification_data: str = option(
        TEXT,
        "",
        help="Images with a class and no boxes, for the loss joint: a folder with train/CLASS/.",
        group=_TRAINING,
    )
    seed: int = option(
        whole(0),
        0,
        help="Random seed of weights, batches, sizes and changes of images.",
        group=_TRAINING,
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
    by_class: bool = option(
        SWITCH,
        False,
        help="Learn the class of each pixel, instead of objects and the rest.",
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
    def multiscale(self) -> MultiscaleConfig | None:
        """The configuration of a network of several scales; None where no option is given. Raises
        UsageError."""
        from netzoo.zoo.config import MultiscaleConfig

        found = self.options.scaling.config()
        if not self.options.by_class:
            return found
        if not self._has_scales:
            raise UsageError(
                f"{self.network} can't be trained with {spelled('by_class')}",
                "it does not learn masks",
                "Leave it out, or choose multiscale.",
            )
        return replace(found or MultiscaleConfig(), by_class=True)

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
            checkpointing=options.checkpointing and self._has_scales,
            sequential=options.sequential,
        )
        return None if chosen == ScaleTraining() else chosen

    @property
    def _has_scales(self) -> bool:
        from netzoo.zoo.config import MULTISCALE

        return self.network == MULTISCALE

    @property
    def terms(self) -> LossTerms | None:
        """Terms of the loss that the papers do not have; None without any. Raises UsageError."""
        from netzoo.training.settings import LossTerms

        options = self.options
        chosen = LossTerms(
            label_smoothing=options.label_smoothing,
            focal_gamma=options.focal_gamma,
            focal_alpha=options.focal_alpha,
        )
        return chosen if options.label_smoothing or options.focal_gamma else None

    @property
    def gains(self) -> LossGains | None:
        """Gains that are not the loss's own; None without any. Raises UsageError."""
        from netzoo.losses._registry import choose_loss
        from netzoo.training.settings import LossGains
        from netzoo.zoo.network import find_network

        named = {f.name: getattr(self.options, f.name) for f in fields(LossGains)}
        if not (given := LossGains(**named)).given():
            return None
        entry = find_network(self.network)
        return choose_loss(entry, self.options.loss).settled(entry, given)

    @property
    def augmentation(self) -> Augmentation | None:
        """That of the preset with what was given besides; None where that changes nothing. Raises
        UsageError."""
        options = self.options
        preset = PRESETS[options.augment]
        names = [f.name for f in fields(Augmentation) if hasattr(options, f.name)]
        given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
        found = replace(preset or Augmentation(), **given)
        if found.changes:
            return found
        self._demand_changed(given)
        return None

    @staticmethod
    def _demand_changed(given: Mapping[str, float]) -> None:
        """Raises UsageError for a least area of boxes in images that nothing changes."""
        if "least_area" in given:
            raise UsageError(
                f"{spelled('least_area')} {given['least_area']:g} has no effect",
                "images are not changed, so no box loses a part",
                f"Leave it out, or say how images are changed with {spelled('augment')}.",
            )

    @property
    def sizes(self) -> Sizes:
        """Those that are asked for, or else the network's usual ones. Raises UsageError."""
        from netzoo.zoo.network import find_network

        options = self.options
        if options.sizes and options.size_range:
            raise UsageError(
                f"{spelled('sizes')} and {spelled('size_range')} can't be given together",
                "both say at which sizes the network is trained",
                "Leave one of them out.",
            )
        if options.size_range:
            return RANGES[options.size_range]
        return options.sizes or usual_sizes(find_network(self.network).stride)

    def validate_every(self, images: int) -> int:
        """Steps between two validations on a data set of so many training images; 0: never."""
        epochs, settings = self.options.validate_every, self.settings
        steps = epochs * images / settings.images_per_step
        return max(1, round(steps)) if epochs else 0

    def workers(self, settings: TrainingSettings) -> int:
        """Processes that load pictures: as many as are asked for. Else, of this process's cores, a
        quarter where the training itself needs them, and all up to 8 where a GPU trains; none for
        what is done before they would be there."""
        if self.options.workers is not None:
            return self.options.workers
        cores = max(1, usable_cores() // neighbours_told())
        if cores == 1 or settings.steps * settings.images_per_step < _FEW_IMAGES:
            return 0
        return min(_MOST_WORKERS, cores if settings.device == "cuda" else max(1, cores // 4))

    def settings_for(self, images: int) -> TrainingSettings:
        """The settings for a data set of so many images: epochs are steps then."""
        settings, options = self.settings, self.options
        steps_of_one = images / settings.images_per_step
        steps = max(1, round(options.epochs * steps_of_one)) if options.epochs else settings.steps
        final = min(steps, round(options.final_epochs * steps_of_one))
        return replace(settings, steps=steps, final_steps=final)

    @property
    def settings(self) -> TrainingSettings:
        """The settings of the trainer, with the loss chosen. Raises UsageError."""
        from netzoo.losses._registry import choose_loss
        from netzoo.training.settings import TrainingSettings
        from netzoo.zoo.network import find_network

        options = self.options
        settings = TrainingSettings(
            steps=options.steps or _STEPS,
            batch_size=options.batch,
            level=not options.fixed_batch,
            sizes=self.sizes,
            size_every=options.size_every,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            warmup_steps=options.warmup_steps,
            optimizer=options.optimizer,  # type: ignore[arg-type]
            momentum=options.momentum,
            accumulate=options.accumulate,
            gradient_norm=options.gradient_norm,
            ema_decay=options.ema_decay,
            patience=options.patience,
            augmentation=self.augmentation,
            arithmetic=options.arithmetic,  # type: ignore[arg-type]
            loss=choose_loss(find_network(self.network), options.loss).name,
            seed=options.seed,
            scales=self.scale_training,
            terms=self.terms,
            gains=self.gains,
            freeze=options.freeze,
            freeze_norm=options.freeze_norm,
            checkpointing=options.checkpointing and not self._has_scales,
            device=options.device,  # type: ignore[arg-type]
            processes=processes_told(),
        )
        return replace(settings, threads=max(1, settings.threads // neighbours_told()))

    def check(self) -> None:
        """Check the values together, before hours of training. Raises UsageError."""
        from netzoo.training.waiting import load_torch_to_train

        load_torch_to_train()

        from netzoo.losses._registry import choose_loss
        from netzoo.training.checks import check_scales, check_sizes
        from netzoo.training.loop.devices import device_of
        from netzoo.training.loop.freezing import frozen
        from netzoo.zoo.config import NetworkConfig
        from netzoo.zoo.cost import build_without_weights
        from netzoo.zoo.network import find_network

        entry, settings = find_network(self.network), self.settings
        choose_loss(entry, settings.loss).wanted(entry, settings)
        device_of(settings)
        check_sizes(entry, settings)
        for training in self.each():
            config = NetworkConfig(
                name=self.network,
                classes=tuple(map(str, range(entry.classes))),
                width=self.options.width,
                depth=self.options.depth,
                multiscale=training.multiscale,
            )
            frozen(build_without_weights(config), settings.freeze)
            check_scales(entry, config, settings)
        self._check_price()
        self._check_changes()
        self._check_idle()

    def _check_idle(self) -> None:
        """Raises UsageError for an option that has no effect beside the others."""
        options, usual = self.options, {f.name: f.default for f in fields(TrainOptions)}
        if options.steps and options.epochs:
            raise UsageError(
                f"{spelled('steps')} and {spelled('epochs')} can't be given together",
                "both say how long the network is trained",
                "Leave one of them out.",
            )
        for name, works, why, todo in (
            (
                "patience",
                bool(options.validate_every),
                "nothing is validated",
                f"raise {spelled('validate_every')}",
            ),
            (
                "momentum",
                options.optimizer == "sgd",
                f"the optimizer is {options.optimizer}, which has its own",
                f"give {spelled('optimizer')} sgd",
            ),
            (
                "focal_alpha",
                bool(options.focal_gamma),
                "there is no focal loss",
                f"give {spelled('focal_gamma')}",
            ),
        ):
            if (value := getattr(options, name)) != usual[name] and not works:
                raise UsageError(
                    f"{spelled(name)} {value:g} has no effect", why, f"Leave it out, or {todo}."
                )

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

    def _check_changes(self) -> None:
        """Of a preset, what has no effect is left out without a word."""
        from netzoo.tasks.registry import find_task
        from netzoo.zoo.network import find_network

        task = find_task(find_network(self.network).task)
        idle: tuple[str, ...] = () if task.learns_masks else ("copy_paste",)
        if task.learns_images:
            idle = ("mosaic", "mix_up", "copy_paste")
        for name in idle:
            if given := getattr(self.options, name):
                only = "masks" if name == "copy_paste" else "boxes or masks"
                raise UsageError(
                    f"{spelled(name)} {given:g} has no effect",
                    f"it is for networks that learn {only}, and {self.network} is one for "
                    f"{task.name}",
                    "Leave it out.",
                )
