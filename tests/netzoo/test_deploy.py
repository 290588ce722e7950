from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.export import Dim, export

from netzoo.deploy import deployable
from tests.netzoo.factories import narrow_detector


def test_folding_changes_no_number() -> None:
    network = narrow_detector()
    images = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        wanted = network.decode(network(images))
        found = deployable(network)(images)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_no_batch_norm_is_left_and_the_network_keeps_its_own() -> None:
    network = narrow_detector()
    network.train()
    module = deployable(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in module.modules())
    assert not any(m.training for m in module.modules())
    assert any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert network.training


def test_outputs_are_named() -> None:
    network = narrow_detector()
    assert deployable(network).output_names == ("boxes", "scores")
    raw = deployable(network, raw=True)
    assert raw.output_names == ("head_32", "head_16", "head_8")
    heads = raw(torch.rand(1, 3, 64, 64))
    assert [tuple(h.shape[1:]) for h in heads] == [(21, 2, 2), (21, 4, 4), (21, 8, 8)]


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
def test_one_exported_program_serves_every_batch_and_size() -> None:
    module = deployable(narrow_detector())
    height, width = (32 * Dim(name, min=2, max=20) for name in ("rows", "columns"))
    program = export(
        module,
        (torch.rand(2, 3, 96, 64),),
        dynamic_shapes={"images": {0: Dim("batch", max=64), 2: height, 3: width}},
    )
    for shape in ((1, 3, 64, 192), (3, 3, 160, 64)):
        images = torch.rand(shape)
        for found, wanted in zip(program.module()(images), module(images), strict=True):
            torch.testing.assert_close(found, wanted)
