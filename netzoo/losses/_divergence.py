"""Binary cross entropy less its minimum: 0 where there is nothing left to learn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def divergence(raw: Tensor, wanted: Tensor) -> Tensor:
    """The divergence of each sigmoid of ``raw`` from ``wanted``, 0–1 (Kullback and Leibler 1951).

    It is their cross entropy less the entropy of ``wanted`` itself: 0 where they agree. The
    gradient is that of the cross entropy, sigmoid less ``wanted``.
    """
    least = torch.special.entr(wanted) + torch.special.entr(1 - wanted)
    beyond: Tensor = binary_cross_entropy_with_logits(raw, wanted, reduction="none") - least
    return beyond
