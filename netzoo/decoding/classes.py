"""Class rules: how the class numbers of a prediction are decoded and trained."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class ClassRule(Protocol):
    """A rule that turns raw class numbers into probabilities, and its loss."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        """Probabilities 0–1 of the shape of ``raw``, with the classes along ``dim``."""

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        """The unreduced terms, [M] or [M, C], from ``raw`` [M, C] and ``labels`` int64 [M]."""


class Independent:
    """Independent classes, each by a sigmoid: a box may have several (YOLOv3, §2.2)."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        del dim
        return raw.sigmoid()

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        wanted = functional.one_hot(labels, raw.shape[1]).to(raw.dtype)
        return functional.binary_cross_entropy_with_logits(raw, wanted, reduction="none")


class Exclusive:
    """Exclusive classes by a softmax: a box has one (YOLOv2)."""

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        return torch.softmax(raw, dim)

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(raw, labels, reduction="none")
