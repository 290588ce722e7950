"""The settings of a training, which its checkpoint records."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from netzoo.training.augmenting.settings import Augmentation
from sizewise.core.errors import UsageError
from sizewise.core.machine.cores import usable_cores
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size, Sizes

OptimizerName = Literal["adamw", "sgd"]
Arithmetic = Literal["auto", "fp32", "bf16", "fp16"]
"""``auto`` is bf16 where the processor multiplies in it; elsewhere fp32 on a CPU, fp16 on a GPU."""
DeviceName = Literal["cpu", "cuda"]
BACKBONE = "backbone"
_INFINITE = float("inf")


def _check(settings: object, *rules: tuple[str, bool, str]) -> None:
    """Each a field, whether it is right, and what is. Raises UsageError."""
    for name, right, meaning in rules:
        if not right:
            raise UsageError(
                f"Training can't have {spelled(name)} {getattr(settings, name)}",
                f"it must be {meaning}",
                "Leave it out for the default.",
            )


@dataclass(frozen=True, kw_only=True)
class ScaleTraining:
    """The training of a network of several scales.

    ``weights`` are those of each scale's own loss, in the order of the scales; none means 1 for 1×
    and 0.5 for the others. ``consistency`` weighs the difference of their masks from that of 1×,
    ``price`` the share of pixels that a fusion takes which weighs scales (without one it has no
    reason to leave any out). For the first ``single_scale_steps``, the network sees 1× alone.
    ``checkpointing`` saves memory, ``sequential`` changes the order of work (``netzoo.processor``).
    Raises UsageError.
    """

    weights: tuple[float, ...] = ()
    consistency: float = 0.0
    price: float = 0.0
    single_scale_steps: int = 0
    checkpointing: bool = False
    sequential: bool = False

    def __post_init__(self) -> None:
        _check(
            self,
            ("weights", all(0 <= weight < _INFINITE for weight in self.weights), "0 or more, each"),
            ("consistency", 0 <= self.consistency < _INFINITE, "0 or more"),
            ("price", 0 <= self.price < _INFINITE, "0 or more"),
            ("single_scale_steps", self.single_scale_steps >= 0, "0 or more"),
        )


@dataclass(frozen=True, kw_only=True)
class LossTerms:
    """Changes of a loss that the networks' papers do not have.

    With ``label_smoothing`` ε, a class that is there is taught as 1 − ε + ε / C, and the others as
    ε / C (Szegedy et al. 2016, §7: 0.1); C is 2 where each class is a question of its own.
    ``focal_gamma`` above 0 weighs what is known well less, and ``focal_alpha`` what is there
    against what is not (Lin et al. 2017, Focal loss, §3: 2 and 0.25). Raises UsageError.
    """

    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    focal_alpha: float = 0.25

    def __post_init__(self) -> None:
        _check(
            self,
            ("label_smoothing", 0 <= self.label_smoothing < 1, "in 0–1, below 1"),
            ("focal_gamma", 0 <= self.focal_gamma < _INFINITE, "0 or more"),
            ("focal_alpha", 0 < self.focal_alpha < 1, "between 0 and 1"),
        )


PLAIN = LossTerms()


@dataclass(frozen=True, kw_only=True)
class LossGains:
    """Gains, λ and thresholds of a loss that are not those of its paper; None: as they are there.

    ``box_gain``, ``objectness_gain`` and ``class_gain`` weigh the parts of the loss of a detector,
    ``background_gain`` the objectness where nothing is, and ``objectness_balance`` that of each
    head, the finest first. Predictions whose IoU with a box is above ``ignore_iou`` are no
    background. An anchor answers for a box whose sides are less than ``anchor_ratio`` times its
    own, or the reverse; in other losses the best one does, and those whose shape has an IoU above
    ``answer_iou`` with the box. ``assumed_iou`` is that of the loss joint. Raises UsageError.
    """

    box_gain: float | None = None
    objectness_gain: float | None = None
    background_gain: float | None = None
    class_gain: float | None = None
    objectness_balance: tuple[float, ...] = ()
    ignore_iou: float | None = None
    anchor_ratio: float | None = None
    assumed_iou: float | None = None
    answer_iou: float | None = None

    def __post_init__(self) -> None:
        weights = ("box_gain", "objectness_gain", "background_gain", "class_gain")
        shares, ratio = ("ignore_iou", "assumed_iou", "answer_iou"), self.anchor_ratio
        balance = self.objectness_balance
        _check(
            self,
            *((name, _is_in(getattr(self, name), 0, _INFINITE), "0 or more") for name in weights),
            *((name, _is_in(getattr(self, name), 0, 1), "in 0–1") for name in shares),
            (
                "objectness_balance",
                all(_is_in(w, 0, _INFINITE) for w in balance),
                "0 or more, each",
            ),
            ("anchor_ratio", ratio is None or 1 < ratio <= 4, "above 1 and at most 4"),
        )

    def given(self) -> dict[str, Any]:
        """Those that are not as in the paper."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in named if value not in (None, ())}


def _is_in(value: float | None, least: float, most: float) -> bool:
    """Whether a number that is given is finite and in ``least``–``most``."""
    return value is None or (least <= value <= most and value < _INFINITE)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """``sizes`` are drawn from at random, one for ``size_every`` steps, and the last
    ``final_steps`` are at the largest. With ``level``, batches of all sizes have about as many
    pixels, so that memory stays level, and ``batch_size`` is that of the mean size. A step of the
    optimizer adds up the gradients of ``accumulate`` batches.

    ``learning_rate`` is the peak that a linear warm-up of ``warmup_steps`` reaches and a half
    cosine leaves; ``momentum`` is SGD's (Nesterov's), AdamW has its own; ``ema_decay`` is that of
    the running mean of the weights, which is what training returns. ``loss`` is one of those that
    train the network; empty, the first of them. ``scales`` is for a network that looks at several
    of them. ``arithmetic`` is that of the network alone: losses are computed in fp32. ``patience``
    is that of the validation, 0 for any. ``augmentation`` changes the images; none: they are seen
    as they are. ``terms`` and ``gains`` change the loss. ``freeze`` is ``backbone``, or a number of
    convolutions: what learns nothing; with ``freeze_norm``, no BatchNorm changes its statistics.
    ``checkpointing`` saves memory (networks of several scales have their own). ``batch_size`` is
    that of each of the ``processes`` that share a step. Raises UsageError.
    """

    steps: int = 700
    batch_size: int = 8
    sizes: tuple[Size, ...] = Sizes.parse("160:320:32")
    loss: str = ""
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 50
    gradient_norm: float = 10.0
    ema_decay: float = 0.99
    threads: int = field(default_factory=usable_cores)
    seed: int = 0
    scales: ScaleTraining | None = None
    size_every: int = 1
    optimizer: OptimizerName = "adamw"
    momentum: float = 0.9
    accumulate: int = 1
    arithmetic: Arithmetic = "auto"
    level: bool = False
    final_steps: int = 0
    patience: int = 0
    augmentation: Augmentation | None = None
    terms: LossTerms | None = None
    gains: LossGains | None = None
    freeze: str = ""
    freeze_norm: bool = False
    checkpointing: bool = False
    device: DeviceName = "cpu"
    processes: int = 1

    @property
    def images_per_step(self) -> int:
        """Images of a step at the mean size, of all processes."""
        return self.batch_size * self.accumulate * self.processes

    def __post_init__(self) -> None:
        _check(
            self,
            ("steps", self.steps >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("sizes", bool(self.sizes), "one size or more"),
            ("learning_rate", 0 < self.learning_rate < _INFINITE, "above 0"),
            ("weight_decay", 0 <= self.weight_decay < _INFINITE, "0 or more"),
            ("warmup_steps", self.warmup_steps >= 0, "0 or more"),
            ("gradient_norm", 0 < self.gradient_norm < _INFINITE, "above 0"),
            ("ema_decay", 0 <= self.ema_decay < 1, "in 0–1, below 1"),
            ("threads", self.threads >= 1, "at least 1"),
            ("seed", self.seed >= 0, "0 or more"),
            ("size_every", self.size_every >= 1, "at least 1"),
            ("optimizer", self.optimizer in get_args(OptimizerName), "adamw or sgd"),
            ("momentum", 0 <= self.momentum < 1, "in 0–1, below 1"),
            ("accumulate", self.accumulate >= 1, "at least 1"),
            ("patience", self.patience >= 0, "0 or more"),
            ("final_steps", self.final_steps >= 0, "0 or more"),
            ("arithmetic", self.arithmetic in get_args(Arithmetic), "auto, fp32, bf16 or fp16"),
            ("freeze", _is_part(self.freeze), "backbone, or a number of convolutions"),
            ("device", self.device in get_args(DeviceName), "cpu or cuda"),
            ("processes", self.processes >= 1, "at least 1"),
        )


_LATER = (
    *("size_every", "optimizer", "momentum", "accumulate", "arithmetic"),
    *("level", "final_steps", "patience", "augmentation", "terms", "gains", "freeze"),
    *("freeze_norm", "checkpointing", "device", "processes"),
)
LATER_SETTINGS = {f.name: f.default for f in fields(TrainingSettings) if f.name in _LATER}
"""Fields that came later, with the values that stand for what was before them."""


def _is_part(given: str) -> bool:
    return given in ("", BACKBONE) or (given.isascii() and given.isdigit() and int(given) > 0)
