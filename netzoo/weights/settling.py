"""Settling of random weights, so that the outputs depend on the image."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from sizewise.core.pictures.patches import patches_under_noise
from sizewise.core.specs import Size


def settle(network: nn.Module, trained: Iterable[nn.Module] = ()) -> None:
    """Fit BatchNorm to random images; ``network`` is in evaluation mode after it.

    With random weights alone, the outputs hardly depend on the image, and parity would compare
    constants. Noise alone would not do: layers that have seen nothing but noise make numbers of
    10³⁰ out of an image with surfaces (YOLOv4's boxes). The parts that are ``trained`` keep their
    statistics.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    network.train()
    for part in trained:
        part.eval()
    with torch.no_grad():
        network(_images(max(256, 4 * max(getattr(network, "strides", (32,))))))
    network.eval()


def _images(side: int) -> torch.Tensor:
    """[8, 3, side, side]: two of patches, of parts of larger ones, of noise, and of one colour.

    Of four strides at least: statistics of fewer values are too far from those of other images.
    """
    patches = torch.from_numpy(patches_under_noise(2, Size(side, side)))
    part = slice(side // 2, side // 2 + side)
    surfaces = torch.from_numpy(patches_under_noise(2, Size(2 * side, 2 * side))[..., part, part])
    colours = torch.rand(2, 3, 1, 1).expand_as(patches)
    return torch.cat((patches, surfaces, torch.rand_like(patches), colours))
