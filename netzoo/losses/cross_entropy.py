"""Classification: cross entropy of a softmax over all classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor
from torch.nn import functional

from netzoo.decoding.classes import Exclusive
from netzoo.losses._registry import LossEntry, LossFunction, Targets
from netzoo.training.settings import LossTerms
from netzoo.zoo.network import Network, NetworkEntry


def cross_entropy_loss(
    network: Network, heads: Sequence[Tensor], targets: Targets
) -> dict[str, Tensor]:
    """``heads`` is one, [B, C]; the mean over images, ``targets.whole`` their labels."""
    del network
    return {"classes": functional.cross_entropy(heads[0].float(), _labels(targets))}


def _of_terms(
    network: Network, heads: Sequence[Tensor], targets: Targets, *, terms: LossTerms
) -> dict[str, Tensor]:
    del network
    return {"classes": Exclusive().loss(heads[0].float(), _labels(targets), terms).mean()}


def _labels(targets: Targets) -> Tensor:
    if targets.whole is None:
        raise ValueError("a classifier needs a label for each image")
    return targets.whole


def _with_terms(_entry: NetworkEntry, terms: LossTerms) -> LossFunction:
    return partial(_of_terms, terms=terms)


LOSSES = (
    LossEntry(
        name="cross_entropy",
        decoding=None,
        compute=cross_entropy_loss,
        with_terms=_with_terms,
    ),
)
