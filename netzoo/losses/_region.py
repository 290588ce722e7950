"""YOLOv2's loss: squared errors with a weight λ on each part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from netzoo.decoding.boxes import BOX_RULES
from netzoo.losses._boxes import box_iou
from netzoo.losses._gains import RegionGains
from netzoo.losses._levels import Level, background, match_levels, per_image
from netzoo.losses._registry import Targets
from netzoo.zoo.network import AnchorDetector

USUAL = RegionGains()


def region_loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    gains: RegionGains = USUAL,
) -> dict[str, Tensor]:
    """Redmon and Farhadi 2017 (YOLO9000, §2) after Darknet's region layer, per image: half of the
    squared errors of offsets and logarithmic extents (``box``) and of the objectness, whose target
    is the IoU that is reached, or 1 (``objectness``); the class rule's cross entropy (``classes``).

    The gradients are Darknet's, save that it draws all boxes to their anchors while it sees its
    first 12,800 images. Ours begin there: raw numbers near 0 are a box of the anchor's shape in the
    middle of its cell.
    """
    levels = match_levels(network, heads, targets)
    return per_image((_parts(network, level, targets, gains) for level in levels), len(heads[0]))


def _parts(
    network: AnchorDetector, level: Level, targets: Targets, gains: RegionGains
) -> tuple[Tensor, Tensor, Tensor]:
    rule = BOX_RULES[network.decoding]
    xy, wh, objectness, classes = level.answers()
    offset, extent = level.coordinates()
    reached = box_iou(level.boxes(rule), level.truth).detach()
    wanted = reached if network.design.rescore else torch.ones_like(reached)
    errors = (xy.sigmoid() - offset).square() + (wh - extent).square()
    empty = background(level, rule, targets, gains.ignore_iou)
    return (
        gains.box_gain * (level.weights() * errors).sum() / 2,
        gains.objectness_gain * (objectness.sigmoid() - wanted).square().sum() / 2
        + gains.background_gain * (empty * level.raw[:, :, 4].sigmoid().square()).sum() / 2,
        gains.class_gain * network.class_rule.loss(classes, level.labels).sum(),
    )
