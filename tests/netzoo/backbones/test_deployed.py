"""Backbones as they are deployed: BatchNorm folded away, one program for every size."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch._dynamo import config
from torch.export import Dim, export

from netzoo.backbones._base import Backbone
from netzoo.backbones._registry import backbones, build_four_levels, find_backbone
from netzoo.deploy import deployable, fold_batch_norms
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network, networks
from sizewise.core.errors import UsageError
from tests.netzoo.backbones.timm_reference import made_up_tensors

TRANSFORMERS = {"pvt_v2_b0", "pvt_v2_b2", "edgenext_xx_small"}
SLOW = dict.fromkeys(("pvt_v2_b0", "pvt_v2_b2"), pytest.mark.slow)
"""Edgenext is a transformer, too, and takes half as long."""
EXPORTED = [
    pytest.param(name, marks=SLOW.get(name, ()))
    for name in sorted(set(backbones()) - {"darknet19", "tiny"})
]


def trained(module: nn.Module) -> nn.Module:
    """With statistics and scales that a fold at the wrong place can't leave unseen."""
    own = module.state_dict()
    made = made_up_tensors({k: v.shape for k, v in own.items() if v.is_floating_point()})
    module.load_state_dict(own | made)
    return module.eval()


def narrow(name: str) -> Backbone:
    depth = 0.25 if name in TRANSFORMERS else 0.5
    backbone = trained(find_backbone(name).build(0.25, depth))
    assert isinstance(backbone, Backbone)
    return backbone


@pytest.mark.parametrize("name", sorted(backbones()))
def test_folding_leaves_no_batch_norm_and_changes_no_map(name: str) -> None:
    backbone = narrow(name)
    folded = copy.deepcopy(backbone)
    fold_batch_norms(folded)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    images = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        for found, wanted in zip(folded(images), backbone(images), strict=True):
            tolerance = 1e-5 * float(wanted.abs().max())
            torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", sorted(networks()))
def test_folding_changes_no_head_of_any_network(name: str) -> None:
    network = build_network(NetworkConfig(name=name, classes=("a", "b"), width=0.1, depth=0.1))
    trained(network)
    folded = deployable(network, raw=True)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    images = torch.rand(2, 3, 2 * network.stride, 3 * network.stride)
    with torch.inference_mode():
        wanted = network.raw_outputs(network(images))
        for ours, theirs in zip(folded(images), wanted, strict=False):
            tolerance = 1e-4 * float(theirs.abs().max())
            torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
@pytest.mark.parametrize("name", EXPORTED)
def test_one_exported_program_serves_every_batch_and_size(name: str) -> None:
    backbone = narrow(name)
    fold_batch_norms(backbone)
    height, width = (32 * Dim(side, min=2, max=20) for side in ("rows", "columns"))
    with config.patch(fake_tensor_cache_enabled=False):  # as sizewise exports: it is faster
        program = export(
            backbone,
            (torch.rand(2, 3, 96, 64),),
            dynamic_shapes={"images": {0: Dim("batch", max=64), 2: height, 3: width}},
        )
    with torch.inference_mode():
        for shape in ((1, 3, 64, 192), (3, 3, 160, 64)):
            images = torch.rand(shape)
            for found, wanted in zip(program.module()(images), backbone(images), strict=True):
                torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", sorted(set(backbones()) - {"tiny"}))
def test_a_backbone_feeds_a_pyramid_and_learns(name: str) -> None:
    backbone = build_four_levels(name, 0.25, 0.25)
    assert tuple(backbone.strides[-4:]) == (4, 8, 16, 32)
    maps = backbone(torch.rand(2, 3, 64, 64))[-4:]
    sum(features.square().mean() for features in maps).backward()
    parameters = dict(backbone.named_parameters())
    assert [n for n, p in parameters.items() if p.grad is None or not p.grad.isfinite().all()] == []


def test_a_backbone_without_four_levels_is_refused() -> None:
    with pytest.raises(UsageError, match="its maps have 16, 32 pixels per cell"):
        build_four_levels("tiny")


def test_an_unknown_backbone_is_refused_by_the_names_of_the_known() -> None:
    with pytest.raises(UsageError, match="resnet18, resnet50, tiny"):
        build_four_levels("resnet")
