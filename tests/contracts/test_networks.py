"""What every network of the zoo must do, whichever are found."""

from __future__ import annotations

import pytest
import torch

from netzoo.deploy import deployable
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.cost import count_cost
from netzoo.zoo.network import AnchorDetector, NetworkEntry, build_network, networks
from sizewise.core.specs import Size


@pytest.fixture(params=sorted(networks()))
def entry(request: pytest.FixtureRequest) -> NetworkEntry:
    return networks()[request.param]


def narrow(entry: NetworkEntry) -> NetworkConfig:
    return NetworkConfig(name=entry.name, classes=("a", "b"), width=0.1, depth=0.1)


def test_heads_are_as_fine_as_the_entry_says(entry: NetworkEntry) -> None:
    network = build_network(narrow(entry)).eval()
    stride = entry.stride
    heads = network(torch.rand(2, 3, 2 * stride, 3 * stride))
    assert network.strides == entry.strides
    if entry.task == "classification":
        assert [h.shape for h in heads] == [(2, 2)]
        return
    assert [h.shape[2:] for h in heads] == [
        (2 * stride // s, 3 * stride // s) for s in entry.strides
    ]


def test_outputs_are_the_contract(entry: NetworkEntry) -> None:
    module = deployable(build_network(narrow(entry)))
    with torch.inference_mode():
        outputs = module(torch.rand(3, 3, 2 * entry.stride, 2 * entry.stride))
    named = dict(zip(module.output_names, outputs, strict=True))
    assert all(o.dtype == torch.float32 and o.isfinite().all() for o in outputs)
    if entry.task == "detection":
        count = named["boxes"].shape[1]
        assert named["boxes"].shape == (3, count, 4)
        assert named["scores"].shape == (3, count, 2)
    elif entry.task == "classification":
        assert named["scores"].shape == (3, 2)
        torch.testing.assert_close(named["scores"].sum(1), torch.ones(3))
    else:
        side = 2 * entry.stride
        assert named["mask_logits"].shape == (3, 1, side, side)


def test_detectors_bring_their_anchors(entry: NetworkEntry) -> None:
    network = build_network(narrow(entry))
    if isinstance(network, AnchorDetector):
        assert network.config.anchors == entry.anchors != ()


def test_narrower_is_cheaper(entry: NetworkEntry) -> None:
    size = Size(entry.stride, entry.stride)
    whole = count_cost(NetworkConfig(name=entry.name, classes=("a", "b")), size)
    thin = count_cost(narrow(entry), size)
    assert thin.parameters < whole.parameters / 10
    assert thin.bflops < whole.bflops / 10
    assert thin.convolutions <= whole.convolutions
