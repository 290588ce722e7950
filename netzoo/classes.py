"""How the class part of a prediction is read and taught: one rule per way of being a class."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class ClassRule(Protocol):
    """Raw class numbers to probabilities, and what they cost against the right label."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        """Of the shape of ``raw``, 0–1; the classes lie along ``dim``."""

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        """``raw`` [M, C] and ``labels`` int64 [M] → unreduced terms, [M] or [M, C]."""


class Independent:
    """Every class is a question of its own, so a box may be of several (YOLOv3, §2.2)."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        del dim
        return raw.sigmoid()

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        wanted = functional.one_hot(labels, raw.shape[1]).to(raw.dtype)
        return functional.binary_cross_entropy_with_logits(raw, wanted, reduction="none")


class Exclusive:
    """A box is of one class: a softmax (YOLOv2)."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        return torch.softmax(raw, dim)

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(raw, labels, reduction="none")
