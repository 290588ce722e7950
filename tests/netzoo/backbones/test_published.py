"""Against timm, whose tensors and maps lie in ``reference`` (``timm_reference``)."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from netzoo.backbones._base import Backbone
from netzoo.backbones._registry import backbones, find_backbone
from tests.netzoo.backbones.timm_reference import (
    REFERENCES,
    TOLERANCE,
    largest_error,
    made_up_images,
    made_up_tensors,
)

PARAMETERS = {
    # torchvision, table of pre-trained weights.
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    # timm, results/model_metadata-in1k and results-imagenet.csv, in millions to two places.
    "pvt_v2_b0": 3.67e6,  # the paper's table 2: 3.4 M, of which this is the sum without classifier
    "pvt_v2_b2": 25.36e6,  # the paper's: 25.4 M
    "edgenext_xx_small": 1.33e6,  # the paper's table 2: 1.3 M
    "efficientnet_b0": 5_288_548,  # torchvision; the paper's table 2: 5.3 M
}
"""With the classifier for ImageNet's 1,000 classes."""


def filled(name: str) -> Backbone:
    """With the made-up tensors that it shares with timm's, each under timm's name."""
    entry = find_backbone(name)
    shared = {
        key: value
        for key, value in made_up_tensors(REFERENCES[name]["tensors"]).items()
        if key.partition(".")[0] not in entry.ignored
    }
    backbone = entry.build(1.0, 1.0)
    backbone.load_state_dict(shared)
    return backbone.eval()


def maps_of(backbone: Backbone) -> list[Tensor]:
    with torch.inference_mode():
        maps: list[Tensor] = backbone(made_up_images())
    return maps


@pytest.mark.parametrize("name", PARAMETERS)
def test_tensors_are_named_and_shaped_as_those_of_timm(name: str) -> None:
    theirs = REFERENCES[name]["tensors"]
    ignored = find_backbone(name).ignored
    ours = {key: list(value.shape) for key, value in filled(name).state_dict().items()}
    beside = {key for key in theirs if key.partition(".")[0] in ignored}
    assert ours == {key: shape for key, shape in theirs.items() if key not in beside}
    assert {key.partition(".")[0] for key in beside} == set(ignored)


@pytest.mark.parametrize("name", PARAMETERS)
def test_maps_are_those_of_timm(name: str) -> None:
    wanted = REFERENCES[name]["maps"]
    errors = [largest_error(*pair) for pair in zip(maps_of(filled(name)), wanted, strict=True)]
    assert max(errors) < TOLERANCE


@pytest.mark.parametrize(("name", "published"), PARAMETERS.items())
def test_parameters_are_as_many_as_published(name: str, published: float) -> None:
    entry = find_backbone(name)
    ours = sum(p.numel() for p in entry.build(1.0, 1.0).parameters())
    total = ours + sum(
        math.prod(shape)
        for key, shape in REFERENCES[name]["tensors"].items()
        if key.partition(".")[0] in entry.ignored and "running" not in key and "num_" not in key
    )
    assert total == REFERENCES[name]["parameters"]
    assert total == pytest.approx(published, abs=0 if isinstance(published, int) else 5e3)


def test_darknet53_has_the_parameters_of_the_original_configuration() -> None:
    classifier = 1024 * 1000 + 1000
    ours = sum(p.numel() for p in find_backbone("darknet53").build(1.0, 1.0).parameters())
    assert ours + classifier == 41_609_928


def test_channels_of_pvt_v2_b2_are_those_of_the_paper() -> None:
    assert find_backbone("pvt_v2_b2").build(1.0, 1.0).channels == [64, 128, 320, 512]


def test_a_reference_tells_a_wrong_weight() -> None:
    backbone = filled("edgenext_xx_small")
    with torch.no_grad():
        backbone.get_parameter("stages.1.blocks.1.pos_embd.token_projection.weight").mul_(1.1)
    wanted = REFERENCES["edgenext_xx_small"]["maps"]
    errors = [largest_error(*pair) for pair in zip(maps_of(backbone), wanted, strict=True)]
    assert errors[0] < TOLERANCE < errors[1]


@pytest.mark.parametrize("name", sorted(set(backbones()) - {"tiny"}))
def test_maps_have_the_channels_and_strides_that_are_told(name: str) -> None:
    backbone = find_backbone(name).build(0.25, 0.5).eval()
    with torch.inference_mode():
        maps = backbone(torch.rand(1, 3, 64, 96))
    assert [tuple(features.shape) for features in maps] == [
        (1, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(backbone.channels, backbone.strides, strict=True)
    ]
