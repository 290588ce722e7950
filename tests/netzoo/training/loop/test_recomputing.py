"""Less memory for the same gradients, whatever the network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from netzoo.training.loop.recomputing import recomputing
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network, networks
from tests.netzoo.factories import CLASSES

DEEP = {"yolov3", "yolov3-spp", "yolov4", "yolov4-csp", "yolov4-p5", "yolov4-p6", "yolov4-p7"}
DETECTORS = [name for name, entry in networks().items() if entry.task == "detection"]


def _network(name: str) -> Network:
    torch.manual_seed(0)
    config = NetworkConfig(name=name, classes=CLASSES, width=0.0625, depth=0.3)
    return build_network(config).train()


def _passed(network: Network, *, at_all: bool) -> tuple[list[Tensor], int]:
    """Heads, gradients and BatchNorm's statistics, and the bytes that wait for the backward."""
    side = max(64, network.smallest)
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, int] = {}

    def pack(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with saved_tensors_hooks(pack, lambda value: value), recomputing(network, at_all=at_all):
        heads = network(images)
    torch.stack([head.square().mean() for head in heads]).sum().backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return [*heads, *gradients, *network.buffers()], sum(kept.values())


@pytest.mark.parametrize("name", DETECTORS)
def test_gradients_are_the_same_with_less_in_memory(name: str) -> None:
    plain, saving = _network(name), _network(name)
    (expected, usual_bytes), (found, bytes_) = (
        _passed(plain, at_all=False),
        _passed(saving, at_all=True),
    )
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    assert bytes_ < usual_bytes / (2 if name in DEEP else 1), usual_bytes / bytes_
    assert not any("forward" in module.__dict__ for module in saving.modules())
