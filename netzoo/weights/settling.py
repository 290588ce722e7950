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
        network(_images())
    network.eval()


def _images() -> torch.Tensor:
    """[8, 3, 256, 256]: two of patches, of parts of larger ones, of noise, and of one colour."""
    patches = torch.from_numpy(patches_under_noise(2, Size(256, 256)))
    surfaces = torch.from_numpy(patches_under_noise(2, Size(512, 512))[..., 128:384, 128:384])
    colours = torch.rand(2, 3, 1, 1).expand_as(patches)
    return torch.cat((patches, surfaces, torch.rand_like(patches), colours))
