"""Masks, with a loss for each scale beside that of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

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
        loss = class_mask_loss if network.by_class else mask_loss
        result, *by_scale = (head.float() for head in heads)
        (whole,) = network.decode([result])
        parts = {"mask": loss(whole, targets.masks)}
        names, weights = network.processor.scales.names, scale_weights(network, self.scales)
        for place, logits in zip(network.supervised, by_scale, strict=True):
            parts[names[place]] = weights[place] * loss(logits, targets.masks)
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


def class_mask_loss(logits: Tensor, channels: Tensor) -> Tensor:
    """Cross entropy of the classes (Long et al. 2015, §3) plus 1 − the mean IoU of their
    probabilities over those that the images have (Rahman and Wang 2016, Optimizing intersection-
    over-union in deep neural networks, §3).

    ``logits`` [B, C, h, w]; ``channels`` [B, 1, H, W] are brought to their size as the share of
    each class in a cell. Pixels that are left out weigh nothing.
    """
    places = torch.arange(logits.shape[1], device=logits.device)[:, None, None]
    shares = (channels == places).to(logits.dtype)
    if shares.shape != logits.shape:
        shares = functional.interpolate(shares, size=logits.shape[-2:], mode="area")
    entropy = -(shares * logits.log_softmax(1)).sum() / shares.sum().clamp(min=1)
    probable = logits.softmax(1) * shares.sum(1, keepdim=True)
    there = shares.sum((0, 2, 3))
    shared = (probable * shares).sum((0, 2, 3))
    union = probable.sum((0, 2, 3)) + there - shared
    # As for one class: a pixel more on both sides.
    overlaps = ((shared + 1) / (union + 1))[there > 0]
    return entropy + (1 - overlaps).sum() / max(1, len(overlaps))


def inconsistency(own: Tensor, by_scale: Sequence[Tensor]) -> Tensor:
    """The mean absolute difference of the scales' probabilities from those of 1×, 0–1."""
    size = own.shape[-2:]
    probable = torch.sigmoid if own.shape[1] == 1 else partial(torch.softmax, dim=1)
    others = [
        functional.interpolate(probable(logits), size=size, mode="bilinear")
        for logits in by_scale
        if logits is not own
    ]
    return torch.stack([functional.l1_loss(other, probable(own)) for other in others]).mean()


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
