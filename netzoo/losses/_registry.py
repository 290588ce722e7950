"""The interface of a loss, and the registry of losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netzoo.training.settings import LossTerms, ScaleTraining, TrainingSettings
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

    ``masks`` float32 [B, 1, H, W] is 1 where an object is, for a network that learns masks.
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


@dataclass(frozen=True, kw_only=True)
class LossEntry:
    """A loss of the registry.

    ``decoding`` is the rule that it trains the raw numbers for; none: that of the original network.
    ``with_scales`` makes the function for a network of several scales. ``count`` gives how many
    anchors in cells of each head answer for boxes, where the loss is a mean over them.
    ``with_terms`` makes the function with terms that the papers do not have, and raises UsageError
    where they would change nothing.
    """

    name: str
    decoding: Decoding | None
    compute: LossFunction
    with_scales: Callable[[ScaleTraining], LossFunction] | None = None
    count: Callable[[Any, Size, Targets], tuple[int, ...]] | None = None
    with_terms: Callable[[NetworkEntry, LossTerms], LossFunction] | None = None

    def function(self, scales: ScaleTraining | None) -> LossFunction:
        """The function to minimise, with or without ``scales``."""
        return self.with_scales(scales) if self.with_scales and scales else self.compute

    def wanted(self, entry: NetworkEntry, settings: TrainingSettings) -> LossFunction:
        """The function that a training minimises. Raises UsageError where it can't have its
        terms."""
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
