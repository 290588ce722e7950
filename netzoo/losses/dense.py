"""Several cells and anchors per box, CIoU: learns in hundreds of steps, whatever the network.

After Scaled-YOLOv4 (Wang et al. 2021), whose decode it trains.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from netzoo.loss import LossEntry, Targets
from netzoo.losses._neighbours import neighbours_loss
from netzoo.network import AnchorDetector

USUAL = 16
"""Pixels per cell of a head whose objectness weighs 1. A network that has none as fine weighs its
finest so (AP50 of YOLOv2 after 600 steps on the digits .41, and .17 where it weighs a quarter);
heavier, YOLOv4-tiny learns less (.69, and .17 at four times)."""


def dense_loss(
    network: AnchorDetector, heads: Sequence[Tensor], targets: Targets
) -> dict[str, Tensor]:
    """``box``, ``objectness`` and ``classes``, weighted (see ``_neighbours``). A cell counts the
    same at every head, though a finer one has four times as many."""
    usual = max(USUAL, min(network.strides))
    balance = [(usual / stride) ** 2 for stride in network.strides]
    return neighbours_loss(network, heads, targets, balance, shared=False)


LOSSES = (LossEntry(name="dense", decoding="scaled", compute=dense_loss),)
