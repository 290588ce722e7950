"""Masks, with a loss for each scale beside that of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from netzoo.losses._registry import LossEntry, Targets
from netzoo.networks.multiscale import Multiscale
from netzoo.training.settings import ScaleTraining

_AUXILIARY = 0.5
"""The weight of a scale that is not 1×, unless others are given."""


@dataclass(frozen=True, kw_only=True)
class MaskLoss:
    """``mask``, that of the result, and one for each scale by its name (``0.5x``), weighted; then
    ``consistency`` and ``price``, where they weigh anything (see ``ScaleTraining``)."""

    scales: ScaleTraining = field(default_factory=ScaleTraining)

    def __call__(
        self, network: Multiscale, heads: Sequence[Tensor], targets: Targets
    ) -> dict[str, Tensor]:
        if targets.masks is None:
            raise ValueError("a segmenter needs a mask for each image")
        result, *by_scale = (head.float() for head in heads)
        (whole,) = network.decode([result])
        parts = {"mask": mask_loss(whole, targets.masks)}
        names, weights = network.processor.scales.names, scale_weights(network, self.scales)
        for place, logits in zip(network.supervised, by_scale, strict=True):
            parts[names[place]] = weights[place] * mask_loss(logits, targets.masks)
        if self.scales.consistency and len(by_scale) > 1:
            own = by_scale[network.processor.scales.reference]
            parts["consistency"] = self.scales.consistency * inconsistency(own, by_scale)
        weighed = network.processor.last_weights
        if self.scales.price and weighed is not None:
            parts["price"] = self.scales.price * taken_pixels(network, weighed)
        return parts


def mask_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Binary cross entropy plus 1 − IoU of the probabilities, image by image, as for salient
    objects (Qin et al. 2019, BASNet, §3.4, without its SSIM).

    ``logits`` [B, 1, h, w]; ``masks`` [B, 1, H, W] are brought to their size by the mean over the
    pixels of a cell.
    """
    if masks.shape != logits.shape:
        masks = functional.interpolate(masks, size=logits.shape[-2:], mode="area")
    entropy = functional.binary_cross_entropy_with_logits(logits, masks)
    probable = logits.sigmoid()
    shared = (probable * masks).sum((1, 2, 3))
    union = (probable + masks).sum((1, 2, 3)) - shared
    # An image without any object has no IoU but 0 / 0: one pixel more on both sides makes it 1.
    return entropy + (1 - (shared + 1) / (union + 1)).mean()


def inconsistency(own: Tensor, by_scale: Sequence[Tensor]) -> Tensor:
    """The mean absolute difference of the scales' probabilities from those of 1×, 0–1."""
    size = own.shape[-2:]
    others = [
        functional.interpolate(logits.sigmoid(), size=size, mode="bilinear")
        for logits in by_scale
        if logits is not own
    ]
    return torch.stack([functional.l1_loss(other, own.sigmoid()) for other in others]).mean()


def taken_pixels(network: Multiscale, weights: Tensor) -> Tensor:
    """The share of all scales' pixels that the weights of scales [B, N] stand for, 0–1."""
    pixels = weights.new_tensor(network.processor.scales.factors) ** 2
    return (weights @ pixels).mean() / pixels.sum()


def scale_weights(network: Multiscale, scales: ScaleTraining) -> list[float]:
    """One for each scale that the network computes."""
    used, named = network.processor.scales.factors, network.settings.scales
    given = dict(zip(named, scales.weights, strict=True)) if scales.weights else {}
    return [given.get(factor, 1.0 if factor == 1 else _AUXILIARY) for factor in used]


LOSSES = (
    LossEntry(
        name="masks",
        decoding=None,
        compute=MaskLoss(),
        with_scales=lambda scales: MaskLoss(scales=scales),
    ),
)
