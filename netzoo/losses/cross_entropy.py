"""Classification: cross entropy of a softmax over all classes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from netzoo.losses._registry import LossEntry, Targets
from netzoo.zoo.network import Network


def cross_entropy_loss(
    network: Network, heads: Sequence[Tensor], targets: Targets
) -> dict[str, Tensor]:
    """``heads`` is one, [B, C]; the mean over images, ``targets.whole`` their labels."""
    del network
    if targets.whole is None:
        raise ValueError("a classifier needs a label for each image")
    return {"classes": functional.cross_entropy(heads[0].float(), targets.whole)}


LOSSES = (LossEntry(name="cross_entropy", decoding=None, compute=cross_entropy_loss),)
