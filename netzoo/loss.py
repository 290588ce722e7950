"""What a loss is, and the registry of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from netzoo.config import Decoding
from netzoo.network import AnchorDetector
from sizewise.discover import choose, discover


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The K boxes of a batch: which ``images`` int64 [K] they are in, their ``labels`` int64 [K]
    and ``boxes`` float32 [K, 4], x1, y1, x2, y2 in input pixels."""

    images: Tensor
    labels: Tensor
    boxes: Tensor


LossFunction = Callable[[AnchorDetector, Sequence[Tensor], Targets], dict[str, Tensor]]
"""Network, its raw heads, targets → the weighted parts, whose sum is minimised."""


@dataclass(frozen=True, kw_only=True)
class LossEntry:
    """A loss of the registry. ``decoding`` is what it trains the raw numbers to mean; none: what
    they mean in the original network."""

    name: str
    decoding: Decoding | None
    compute: LossFunction


def find_loss(name: str) -> LossEntry:
    """Raises UsageError that lists the losses there are."""
    known: dict[str, LossEntry] = discover("netzoo.losses", "LOSSES")
    return known[choose("loss", name, known)]
