"""The loss that a network was published with; its raw numbers keep their original meaning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from netzoo.losses._neighbours import count_answers
from netzoo.losses._region import region_loss
from netzoo.losses._registry import LossEntry, LossFunction, Targets
from netzoo.losses._scaled import scaled_loss
from netzoo.losses._yolov3 import yolov3_loss, yolov4_loss
from netzoo.zoo.network import AnchorDetector

PAPERS: dict[str, LossFunction] = {
    "region": region_loss,
    "yolov3": yolov3_loss,
    "yolov4": yolov4_loss,
    "scaled": scaled_loss,
}
"""The losses by ``HeadDesign.paper``."""


def paper_loss(
    network: AnchorDetector, heads: Sequence[Tensor], targets: Targets
) -> dict[str, Tensor]:
    """``box``, ``objectness`` and ``classes``, weighted as in the network's paper."""
    return PAPERS[network.design.paper](network, heads, targets)


LOSSES = (
    LossEntry(
        name="paper",
        decoding=None,
        compute=paper_loss,
        count=partial(count_answers, shared=True),
    ),
)
"""Only the loss ``scaled`` is a mean over what answers."""
