"""Scaled-YOLOv4's loss, as its authors' implementation has it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from netzoo.losses._gains import NeighbourGains
from netzoo.losses._neighbours import USUAL, neighbours_loss
from netzoo.losses._registry import Targets
from netzoo.training.settings import PLAIN, LossTerms
from netzoo.zoo.network import AnchorDetector

BALANCE = {3: (4.0, 1.0, 0.4), 4: (4.0, 1.0, 0.4, 0.1), 5: (4.0, 1.0, 0.5, 0.4, 0.1)}
"""The objectness weights from the finest head on, by the number of heads (CSP and P5, P6, P7)."""


def scaled_loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    terms: LossTerms = PLAIN,
    gains: NeighbourGains = USUAL,
) -> dict[str, Tensor]:
    """Wang et al. 2021: ``box``, ``objectness`` and ``classes``, weighted (see ``_neighbours``);
    as of three heads where there are more, whose objectness then counts 1.4 times.

    Two factors of the authors are left out: the batch size, which scales their learning rate, and
    C/80 on the classes, whose gain was tuned for COCO's 80.
    """
    levels = len(heads)
    parts = neighbours_loss(
        network, heads, targets, BALANCE[levels], shared=True, terms=terms, gains=gains
    )
    share = 3 / levels
    return {
        "box": share * parts["box"],
        "objectness": share * (1.4 if levels > 3 else 1.0) * parts["objectness"],
        "classes": share * parts["classes"],
    }
