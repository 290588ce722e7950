"""The interface of a loss, and the registry of losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from netzoo.losses._gains import changed_gains, without_usual
from netzoo.training.settings import LossGains, LossTerms, ScaleTraining, TrainingSettings
from netzoo.zoo.config import Decoding
from netzoo.zoo.network import NetworkEntry
from sizewise.core.discover import Registry
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The targets of a batch with K boxes.

    ``images`` int64 [K] are the places of their images, ``labels`` int64 [K] their classes and
    ``boxes`` float32 [K, 4] their corners x1, y1, x2, y2 in input pixels.

    ``masks`` float32 [B, 1, H, W] is 1 where an object is, for a network that learns masks; for one
    that learns them by class, it is the channel of each pixel, 255 where that is left out.
    ``whole`` int64 [B] holds the label of each image that is only classified, −1 where the boxes
    say what is in it; none: they do everywhere.

    ``answers`` is what a loss divides by that is a mean over what answers for boxes, one number
    per head: their share in a step of several batches; none: those of this batch.
    """

    images: Tensor
    labels: Tensor
    boxes: Tensor
    whole: Tensor | None = None
    masks: Tensor | None = None
    answers: tuple[float, ...] | None = None

    def to(self, device: torch.device) -> Targets:
        """The same in the memory of ``device``."""
        return Targets(
            images=self.images.to(device),
            labels=self.labels.to(device),
            boxes=self.boxes.to(device),
            whole=None if self.whole is None else self.whole.to(device),
            masks=None if self.masks is None else self.masks.to(device),
            answers=self.answers,
        )


LossFunction = Callable[[Any, Sequence[Tensor], Targets], dict[str, Tensor]]
"""A function of a network (whose entry lists the loss), its raw heads and the targets. It gives the
weighted parts, whose sum is minimised."""

AnswerCounter = Callable[[Any, Size, Targets], tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class LossEntry:
    """A loss of the registry.

    ``decoding`` is the rule that it trains the raw numbers for; none: that of the original network.
    ``with_scales`` makes the function for a network of several scales. ``count`` gives how many
    anchors in cells of each head answer for boxes, where the loss is a mean over them.
    ``with_terms`` makes the function with terms that the papers do not have, and raises UsageError
    where they would change nothing. ``own_gains`` are its gains, λ and thresholds for a network
    (``netzoo.losses._gains``); None: it has none.
    """

    name: str
    decoding: Decoding | None
    compute: LossFunction
    with_scales: Callable[[ScaleTraining], LossFunction] | None = None
    count: AnswerCounter | None = None
    with_terms: Callable[[NetworkEntry, LossTerms], LossFunction] | None = None
    own_gains: Callable[[NetworkEntry], object] = lambda _: None

    def function(self, scales: ScaleTraining | None) -> LossFunction:
        """The function to minimise, with or without ``scales``."""
        return self.with_scales(scales) if self.with_scales and scales else self.compute

    def wanted(self, entry: NetworkEntry, settings: TrainingSettings) -> LossFunction:
        """The function that a training minimises. Raises UsageError where it can't have its
        terms or gains."""
        function = self._with_terms(entry, settings)
        if settings.gains is None:
            return function
        gains = self.gains(entry, settings.gains)
        return partial(cast("Callable[..., dict[str, Tensor]]", function), gains=gains)

    def gains(self, entry: NetworkEntry, given: LossGains) -> object:
        """The gains of a training. Raises UsageError where it can't have those that are given."""
        what = f"The loss {self.name} of {entry.name}"
        return changed_gains(self.own_gains(entry), given, what, len(entry.strides))

    def settled(self, entry: NetworkEntry, given: LossGains) -> LossGains | None:
        """The ``given`` gains that are not its own anyway; None without any. Raises UsageError."""
        self.gains(entry, given)
        return without_usual(self.own_gains(entry), given)

    def counter(self, settings: TrainingSettings) -> AnswerCounter | None:
        """``count`` with the gains of a training."""
        ratio = settings.gains and settings.gains.anchor_ratio
        if self.count is None or ratio is None:
            return self.count
        return partial(cast("Callable[..., tuple[int, ...]]", self.count), ratio=ratio)

    def _with_terms(self, entry: NetworkEntry, settings: TrainingSettings) -> LossFunction:
        if settings.terms is None:
            return self.function(settings.scales)
        if self.with_terms is None:
            raise no_terms(entry, self.name)
        return self.with_terms(entry, settings.terms)


def no_terms(entry: NetworkEntry, loss: str) -> UsageError:
    """The error where a loss can't have terms that the paper does not have."""
    other = "dense" in entry.losses and loss != "dense" and not entry.tree
    return UsageError(
        f"{entry.name} can't be trained with {spelled('label_smoothing')} or "
        f"{spelled('focal_gamma')}",
        f"its loss {loss} is not made of the cross entropies that they change",
        "Leave them out" + (f", or give {spelled('loss')} dense." if other else "."),
    )


_LOSSES: Registry[LossEntry] = Registry("loss", "netzoo.losses", "LOSSES")

find_loss = _LOSSES.find
"""Raises UsageError, which lists the losses there are."""


def choose_loss(network: NetworkEntry, name: str) -> LossEntry:
    """The loss of that name, or the network's first where ``name`` is empty.

    Raises UsageError that lists those that train the network.
    """
    name = name or network.losses[0]
    if name not in network.losses:
        raise UsageError(
            f"{network.name} can't be trained with the loss {name!r}",
            f"it is trained with {' or '.join(network.losses)}",
            "Choose from these, or leave it out for the first.",
        )
    return find_loss(name)
