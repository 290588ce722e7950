"""Detection and classification at once: boxes are taught by few images, classes by many."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from netzoo.decoding.boxes import split_anchors
from netzoo.losses._gains import JointGains
from netzoo.losses._region import region_loss
from netzoo.losses._registry import LossEntry, Targets
from netzoo.zoo.network import AnchorDetector

USUAL = JointGains()


def joint_loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    gains: JointGains = USUAL,
) -> dict[str, Tensor]:
    """Redmon and Farhadi 2017 (YOLO9000, §4, "Joint classification and detection"), per image.

    Images with boxes teach as in ``region_loss``. One that is only classified teaches the class
    part of the box that is the most probable one for its class, and draws that box's objectness
    up to the IoU that is assumed, 0.3, where it is below (``whole_classes``, ``whole_objectness``).
    """
    whole = targets.whole
    if whole is None or (whole < 0).all():
        return region_loss(network, heads, targets, gains)
    classified = whole >= 0
    of_classified = [head[classified] for head in heads]
    parts = _classified(network, of_classified, whole[classified], gains)
    if not classified.all():
        of_boxed = [head[~classified] for head in heads]
        parts |= region_loss(network, of_boxed, _renumbered(targets, ~classified), gains)
    # Each of them is a mean over its own kind of images, and the step's is one over all.
    share = classified.float().mean()
    return {
        name: value * (share if name.startswith("whole") else 1 - share)
        for name, value in parts.items()
    }


def _classified(
    network: AnchorDetector, heads: Sequence[Tensor], labels: Tensor, gains: JointGains
) -> dict[str, Tensor]:
    best = torch.stack(
        [
            _best_box(network, [head[image] for head in heads], label)
            for image, label in enumerate(labels)
        ]
    )
    lacking = (gains.assumed_iou - best[:, 4].sigmoid()).clamp(min=0)
    return {
        "whole_classes": gains.class_gain * network.class_rule.loss(best[:, 5:], labels).mean(),
        "whole_objectness": gains.objectness_gain * lacking.square().mean() / 2,
    }


def _best_box(network: AnchorDetector, heads: Sequence[Tensor], label: Tensor) -> Tensor:
    """The raw numbers [5+C] of the box that scores highest for ``label``; heads of one image."""
    rows = torch.cat(
        [
            split_anchors(head[None], len(anchors)).movedim(2, -1).flatten(0, -2)
            for head, anchors in zip(heads, network.anchors, strict=True)
        ]
    )
    with torch.no_grad():
        unlikely = network.class_rule.loss(rows[:, 5:], label.expand(len(rows)))
        best = (functional.logsigmoid(rows[:, 4]) - unlikely).argmax()
    return rows[best]


def _renumbered(targets: Targets, chosen: Tensor) -> Targets:
    """The boxes of the ``chosen`` images [B], which count from 0 again."""
    number = chosen.cumsum(0) - 1
    mine = chosen[targets.images]
    return Targets(
        images=number[targets.images[mine]],
        labels=targets.labels[mine],
        boxes=targets.boxes[mine],
    )


LOSSES = (LossEntry(name="joint", decoding=None, compute=joint_loss, own_gains=lambda _: USUAL),)
