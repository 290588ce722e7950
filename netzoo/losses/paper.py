"""The loss that a network was published with; its raw numbers keep their original meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from netzoo.losses._gains import YOLOV4, RegionGains, YoloGains
from netzoo.losses._neighbours import USUAL, count_answers
from netzoo.losses._region import region_loss
from netzoo.losses._registry import LossEntry, LossFunction, Targets, no_terms
from netzoo.losses._scaled import scaled_loss
from netzoo.losses._yolov3 import yolov3_loss, yolov4_loss
from netzoo.training.settings import LossTerms
from netzoo.zoo.network import AnchorDetector, NetworkEntry

PAPERS: dict[str, Callable[..., dict[str, Tensor]]] = {
    "region": region_loss,
    "yolov3": yolov3_loss,
    "yolov4": yolov4_loss,
    "scaled": scaled_loss,
}
"""The losses by ``HeadDesign.paper``."""


def paper_loss(
    network: AnchorDetector, heads: Sequence[Tensor], targets: Targets, **gains: Any
) -> dict[str, Tensor]:
    """``box``, ``objectness`` and ``classes``, weighted as in the network's paper, unless
    other ``gains`` are given."""
    return PAPERS[network.design.paper](network, heads, targets, **gains)


WITH_TERMS: dict[str, Callable[..., dict[str, Tensor]]] = {
    "yolov3": yolov3_loss,
    "yolov4": yolov4_loss,
    "scaled": scaled_loss,
}
"""Those that are made of cross entropies."""


def _with_terms(entry: NetworkEntry, terms: LossTerms) -> LossFunction:
    paper = entry.design.paper if entry.design else ""
    if paper not in WITH_TERMS:
        raise no_terms(entry, "paper")
    return partial(WITH_TERMS[paper], terms=terms)


OWN_GAINS = {"region": RegionGains(), "yolov3": YoloGains(), "yolov4": YOLOV4, "scaled": USUAL}
"""Those of ``PAPERS``."""


def _own_gains(entry: NetworkEntry) -> object:
    if entry.design is None:
        return None
    own = OWN_GAINS[entry.design.paper]
    if isinstance(own, YoloGains):
        return replace(own, answer_iou=entry.design.also_above)
    return own


LOSSES = (
    LossEntry(
        name="paper",
        decoding=None,
        compute=paper_loss,
        count=partial(count_answers, shared=True),
        with_terms=_with_terms,
        own_gains=_own_gains,
    ),
)
"""Only the loss ``scaled`` is a mean over what answers."""
