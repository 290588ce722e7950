"""Beginnings of a training that make two of them comparable to the last digits."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from netzoo.zoo.network import AnchorDetector, Network


def with_norms_at_rest(network: Network) -> None:
    """BatchNorm keeps its statistics throughout the training: no image sees the others."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.eval()
            setattr(norm, "train", partial(_stay, norm))  # noqa: B010 - mypy knows the method


def in_float64_with_norms_at_rest(network: Network) -> None:
    """Rounding of fp32 grows in a deep network to more than what a test looks for. Losses stay in
    fp32, which they are computed in."""
    network.double()
    if isinstance(network, AnchorDetector):
        network.anchors = network.anchors.float()
    network.register_forward_pre_hook(_doubled)
    with_norms_at_rest(network)


def _stay(norm: nn.Module, mode: bool = True) -> nn.Module:
    del mode
    return norm


def _doubled(_network: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(images.double() for images in inputs)
