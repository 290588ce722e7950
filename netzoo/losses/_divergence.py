"""Binary cross entropy less its minimum: 0 where there is nothing left to learn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from netzoo.decoding.classes import focal_weight
from netzoo.training.settings import PLAIN, LossTerms


def divergence(raw: Tensor, wanted: Tensor, terms: LossTerms = PLAIN) -> Tensor:
    """The divergence of each sigmoid of ``raw`` from ``wanted``, 0–1 (Kullback and Leibler 1951).

    It is their cross entropy less the entropy of ``wanted`` itself: 0 where they agree. The
    gradient is that of the cross entropy, sigmoid less ``wanted``. With focal ``terms``, it is
    weighted by them.
    """
    least = torch.special.entr(wanted) + torch.special.entr(1 - wanted)
    beyond: Tensor = binary_cross_entropy_with_logits(raw, wanted, reduction="none") - least
    return beyond * focal_weight(raw, wanted, terms) if terms.focal_gamma else beyond
