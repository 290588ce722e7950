"""The loss that a network was published with; its raw numbers keep their original meaning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from netzoo.losses._neighbours import count_answers
from netzoo.losses._region import region_loss
from netzoo.losses._registry import LossEntry, LossFunction, Targets, no_terms
from netzoo.losses._scaled import scaled_loss
from netzoo.losses._yolov3 import yolov3_loss, yolov4_loss
from netzoo.training.settings import LossTerms
from netzoo.zoo.network import AnchorDetector, NetworkEntry

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


WITH_TERMS = {"yolov3": yolov3_loss, "yolov4": yolov4_loss, "scaled": scaled_loss}
"""Those that are made of cross entropies."""


def _with_terms(entry: NetworkEntry, terms: LossTerms) -> LossFunction:
    paper = entry.design.paper if entry.design else ""
    if paper not in WITH_TERMS:
        raise no_terms(entry, "paper")
    return partial(WITH_TERMS[paper], terms=terms)


LOSSES = (
    LossEntry(
        name="paper",
        decoding=None,
        compute=paper_loss,
        count=partial(count_answers, shared=True),
        with_terms=_with_terms,
    ),
)
"""Only the loss ``scaled`` is a mean over what answers."""
