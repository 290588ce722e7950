"""Class rules: how the class numbers of a prediction are decoded and trained."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from netzoo.training.settings import PLAIN, LossTerms

_LEAST = 1e-7


class ClassRule(Protocol):
    """A rule that turns raw class numbers into probabilities, and its loss."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        """Probabilities 0–1 of the shape of ``raw``, with the classes along ``dim``."""

    def loss(self, raw: Tensor, labels: Tensor, terms: LossTerms = PLAIN) -> Tensor:
        """The unreduced terms, [M] or [M, C], from ``raw`` [M, C] and ``labels`` int64 [M]."""


class Independent:
    """Independent classes, each by a sigmoid: a box may have several (YOLOv3, §2.2)."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        del dim
        return raw.sigmoid()

    def loss(self, raw: Tensor, labels: Tensor, terms: LossTerms = PLAIN) -> Tensor:
        wanted = smoothed(functional.one_hot(labels, raw.shape[1]).to(raw.dtype), terms)
        errors = functional.binary_cross_entropy_with_logits(raw, wanted, reduction="none")
        return errors * focal_weight(raw, wanted, terms) if terms.focal_gamma else errors


class Exclusive:
    """Exclusive classes by a softmax: a box has one (YOLOv2)."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        return torch.softmax(raw, dim)

    def loss(self, raw: Tensor, labels: Tensor, terms: LossTerms = PLAIN) -> Tensor:
        errors = functional.cross_entropy(
            raw, labels, reduction="none", label_smoothing=terms.label_smoothing
        )
        if not terms.focal_gamma:
            return errors
        there = raw.softmax(1).gather(1, labels[:, None])[:, 0]
        return errors * (1 - there).clamp(min=_LEAST) ** terms.focal_gamma


def smoothed(wanted: Tensor, terms: LossTerms) -> Tensor:
    """Truths of two classes, 0 and 1, smoothed towards one half (Szegedy et al. 2016, §7)."""
    share = terms.label_smoothing
    return wanted * (1 - share) + share / 2 if share else wanted


def focal_weight(raw: Tensor, wanted: Tensor, terms: LossTerms) -> Tensor:
    """The weight of each sigmoid of ``raw``: little where it is nearly ``wanted`` (Lin et al. 2017,
    Focal loss, eq. 5)."""
    probable = raw.sigmoid()
    agreement = wanted * probable + (1 - wanted) * (1 - probable)
    balance = wanted * terms.focal_alpha + (1 - wanted) * (1 - terms.focal_alpha)
    # Below so much, a power of less than 1 would have no finite slope.
    return balance * (1 - agreement).clamp(min=_LEAST) ** terms.focal_gamma
