"""The losses of YOLOv3, YOLOv4 and YOLOv4-tiny: cross entropies, and an error of the box."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from netzoo.decoding.boxes import BOX_RULES, BoxRule
from netzoo.decoding.classes import smoothed
from netzoo.losses._boxes import complete_iou
from netzoo.losses._divergence import divergence
from netzoo.losses._gains import YOLOV4, YoloGains
from netzoo.losses._levels import Level, background, match_levels, per_image
from netzoo.losses._registry import Targets
from netzoo.training.settings import PLAIN, LossTerms
from netzoo.zoo.network import AnchorDetector

USUAL = YoloGains()


def yolov3_loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    terms: LossTerms = PLAIN,
    gains: YoloGains = USUAL,
) -> dict[str, Tensor]:
    """Redmon and Farhadi 2018 (§2.1, §2.2) after Darknet's yolo layer, per image: of the raw
    coordinates the error whose gradient is prediction less truth (``box``), and cross entropies of
    the ``objectness`` and of each of the ``classes``, of which a box may have several."""
    return _loss(network, heads, targets, _coordinate_error, terms=terms, gains=gains)


def yolov4_loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    terms: LossTerms = PLAIN,
    gains: YoloGains = YOLOV4,
) -> dict[str, Tensor]:
    """YOLOv3's loss with 1 − CIoU as the error of a box (Bochkovskiy et al. 2020, §3.4, and
    ``yolov4.cfg``; Wang et al. 2021, Scaled-YOLOv4, and ``yolov4-tiny.cfg``).

    The gradients of the box are those of the CIoU of the decoded box; Darknet leaves out the slope
    of the sigmoid of x and y.
    """
    return _loss(network, heads, targets, _overlap_error, terms=terms, gains=gains)


def _loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    box_error: Callable[[Level, BoxRule], Tensor],
    *,
    terms: LossTerms,
    gains: YoloGains,
) -> dict[str, Tensor]:
    rule = BOX_RULES[network.decoding]
    levels = match_levels(network, heads, targets, gains.answer_iou)
    parts = [
        (
            gains.box_gain * box_error(level, rule),
            _objectness_error(level, rule, targets, terms, gains),
            gains.class_gain * _class_error(level, terms),
        )
        for level in levels
    ]
    return per_image(parts, len(heads[0]))


def _coordinate_error(level: Level, rule: BoxRule) -> Tensor:
    """Half of the squared error of w and h. Of x and y Darknet passes back the sigmoid's error
    without its slope, which is the gradient of the cross entropy."""
    del rule
    xy, wh, _, _ = level.answers()
    offset, extent = level.coordinates()
    errors = divergence(xy, offset) + (wh - extent).square() / 2
    return (level.weights() * errors).sum()


def _overlap_error(level: Level, rule: BoxRule) -> Tensor:
    return (1 - complete_iou(level.boxes(rule), level.truth)).sum()


def _objectness_error(
    level: Level, rule: BoxRule, targets: Targets, terms: LossTerms, gains: YoloGains
) -> Tensor:
    answering, everywhere = level.answers()[2], level.raw[:, :, 4]
    empty = background(level, rule, targets, gains.ignore_iou)
    there = divergence(answering, torch.ones_like(answering), terms).sum()
    nothing = (empty * divergence(everywhere, torch.zeros_like(everywhere), terms)).sum()
    return gains.objectness_gain * there + gains.background_gain * nothing


def _class_error(level: Level, terms: LossTerms) -> Tensor:
    classes = level.answers()[3]
    return divergence(classes, smoothed(level.classes.to(classes.dtype), terms), terms).sum()
