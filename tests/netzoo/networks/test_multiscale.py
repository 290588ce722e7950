from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
import torch

from netzoo.deploy import deployable
from netzoo.fusions._registry import fusions
from netzoo.networks.multiscale import Multiscale
from netzoo.weights.settling import settle
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.cost import count_cost
from netzoo.zoo.network import build_network
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

NAMES = sorted(fusions())


def config(width: float = 0.25, depth: float = 0.1, **multiscale: Any) -> NetworkConfig:
    return NetworkConfig(
        name="multiscale",
        classes=("object",),
        width=width,
        depth=depth,
        multiscale=MultiscaleConfig(**multiscale),
    )


def build(**options: Any) -> Multiscale:
    torch.manual_seed(0)
    network = build_network(config(**options))
    assert isinstance(network, Multiscale)
    return network


@pytest.mark.parametrize("name", NAMES)
def test_a_scale_has_a_mask_of_its_own_while_training(name: str) -> None:
    network = build(fusion=name)
    images = torch.rand(2, 3, 64, 96)
    sizes = {0.5: (32, 64), 1.0: (64, 96), 1.5: (96, 160)}
    used = network.processor.scales.factors
    heads = network.train()(images)
    wanted = [(64, 96), *(sizes[factor] for factor in used)]
    assert [h.shape for h in heads] == [(2, 1, h // 4, w // 4) for h, w in wanted]
    assert [h.shape for h in network.eval()(images)] == [(2, 1, 16, 24)]


@pytest.mark.parametrize("name", NAMES)
def test_deployed_it_gives_the_same_without_what_only_training_needs(name: str) -> None:
    network = build(fusion=name)
    settle(network)
    network.processor.selecting = False
    module = deployable(network)
    images = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        (wanted,) = network.decode(network(images))
        (found,) = module(images)
    assert wanted.shape == (2, 1, 64, 96)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    names = {name for name, _ in module.named_parameters()}
    assert not any("auxiliary" in name for name in names)


def test_more_fusion_costs_more() -> None:
    """As the guide's tables order them: single, average, concat, ABSI, hierarchical."""
    costs = {
        name: count_cost(config(width=1.0, depth=1.0, fusion=name), Size(352, 352))
        for name in NAMES
    }
    ordered = [costs[name] for name in ("single", "average", "concat", "absi", "hierarchical")]
    assert all(a.parameters < b.parameters for a, b in pairwise(ordered))
    assert all(a.bflops < b.bflops for a, b in pairwise(ordered))
    # (6² + 11² + 17²) / 11² strides of pixels: what the scales 0.5 and 1.5 add to 1 at 352.
    decoder_aside = (costs["average"].bflops - costs["single"].bflops) / costs["single"].bflops
    assert 1.5 < decoder_aside < 446 / 121 - 1


def test_the_smallest_input_leaves_a_stride_at_every_scale() -> None:
    assert build(scales=(0.5, 1.0)).smallest == 64
    assert build(scales=(0.25, 1.0)).smallest == 128
    assert build(fusion="single", scales=(0.25, 1.0)).smallest == 64


def test_other_networks_look_at_one_scale() -> None:
    with pytest.raises(UsageError, match="sees each picture at one scale"):
        build_network(NetworkConfig(name="yolov3", classes=("a",), multiscale=MultiscaleConfig()))


def test_a_configuration_names_its_files() -> None:
    named: Mapping[str, NetworkConfig] = {
        "multiscale-absi": config(fusion="absi"),
        "multiscale-hierarchical": NetworkConfig(name="multiscale", classes=("a",)),
        "yolov3": NetworkConfig(name="yolov3", classes=("a",)),
    }
    for stem, each in named.items():
        assert each.stem == stem
