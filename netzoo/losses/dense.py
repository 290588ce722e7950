"""Several cells and anchors per box, CIoU: learns in hundreds of steps, whatever the network.

After Scaled-YOLOv4 (Wang et al. 2021), whose decode it trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from netzoo.losses._gains import NeighbourGains
from netzoo.losses._neighbours import USUAL, count_answers, neighbours_loss
from netzoo.losses._registry import LossEntry, LossFunction, Targets, no_terms
from netzoo.training.settings import PLAIN, LossTerms
from netzoo.zoo.network import AnchorDetector, NetworkEntry

USUAL_STRIDE = 16
"""Pixels per cell of a head whose objectness weighs 1. A network that has none as fine weighs its
finest so: at a quarter of that YOLOv2 hardly learns, and at four times it the tiny ones don't."""


def dense_loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    terms: LossTerms = PLAIN,
    gains: NeighbourGains = USUAL,
) -> dict[str, Tensor]:
    """``box``, ``objectness`` and ``classes``, weighted (see ``_neighbours``). A cell counts the
    same at every head, though a finer one has four times as many."""
    usual = max(USUAL_STRIDE, min(network.strides))
    balance = [(usual / stride) ** 2 for stride in network.strides]
    return neighbours_loss(network, heads, targets, balance, shared=False, terms=terms, gains=gains)


def _with_terms(entry: NetworkEntry, terms: LossTerms) -> LossFunction:
    if entry.tree:
        raise no_terms(entry, "dense")
    return partial(dense_loss, terms=terms)


LOSSES = (
    LossEntry(
        name="dense",
        decoding="scaled",
        compute=dense_loss,
        count=partial(count_answers, shared=False),
        with_terms=_with_terms,
        own_gains=lambda _: USUAL,
    ),
)
