from __future__ import annotations

import torch

from netzoo.weights.settling import settle
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network
from sizewise.core.pictures.patches import patches_under_noise
from sizewise.core.specs import Size

SIZE = Size(96, 128)
LARGEST = 20.0
"""Of a raw output. The boxes' sizes are its exponential, and pass 10⁸ there."""


def test_random_weights_give_numbers_of_any_image() -> None:
    """At full width: the fewer channels, the less images differ. With BatchNorms that had seen one
    kind of images, the other gave exponents of 50 and more."""
    torch.manual_seed(0)
    module = build_network(NetworkConfig(name="yolov4", classes=("one", "two")))
    settle(module)
    images = torch.from_numpy(patches_under_noise(3, SIZE))
    for given in (images, torch.rand_like(images), torch.zeros_like(images)):
        with torch.no_grad():
            raw = module(given)
        assert max(float(one.abs().max()) for one in raw) < LARGEST
        assert all(float(one.std()) > 0.1 for one in raw)
