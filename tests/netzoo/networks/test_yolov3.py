"""YOLOv3 against the original program: the reference file was written by Darknet itself.

Its ``convs`` are filters, inputs, kernel and BatchNorm in the order of the weights file; its
weights and its image are drawn from its seed; its ``heads`` are what Darknet made of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netzoo.config import NetworkConfig
from netzoo.network import Network, build_network
from sizewise.errors import UsageError

COCO = tuple(f"class {number}" for number in range(80))
REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "yolov3-416x416.json").read_text(encoding="utf-8")
)


def on_meta(**changes: Any) -> Network:
    config = {"name": "yolov3", "classes": COCO, **changes}
    with torch.device("meta"):
        return build_network(NetworkConfig(**config))


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def test_convolutions_are_darknets_in_darknets_order() -> None:
    found = [
        [c.out_channels, c.in_channels, c.kernel_size[0], int(c.bias is None)]
        for c in convolutions(on_meta())
    ]
    assert found == REFERENCE["convs"]


def test_parameters_are_the_originals() -> None:
    assert sum(p.numel() for p in on_meta().parameters()) == 61_949_149


@pytest.mark.parametrize(("height", "width"), [(416, 416), (608, 608), (320, 544), (32, 64)])
def test_heads_shrink_by_their_strides(height: int, width: int) -> None:
    network = on_meta()
    heads = network(torch.empty(2, 3, height, width, device="meta"))
    assert [tuple(h.shape) for h in heads] == [
        (2, 255, height // stride, width // stride) for stride in network.strides
    ]


def darknet_arrays() -> Iterator[Tensor]:
    """In the order of the weights file; see the reference's own description of its recipe."""
    rng = np.random.default_rng(REFERENCE["seed"])
    for filters, inputs, kernel, normalized in REFERENCE["convs"]:
        yield _float32(rng.standard_normal(filters) * 0.1)
        if normalized:
            yield _float32(rng.uniform(0.8, 1.2, filters))
            yield _float32(rng.standard_normal(filters) * 0.1)
            yield _float32(rng.uniform(0.5, 1.5, filters))
        fan_in = inputs * kernel * kernel
        yield _float32(rng.standard_normal(filters * fan_in) * np.sqrt(1.0 / fan_in))


def _float32(values: Any) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def fill(network: nn.Module, arrays: Iterator[Tensor]) -> None:
    modules = iter([m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)])
    for convolution in modules:
        norm = convolution if convolution.bias is not None else next(modules)
        assert norm.bias is not None
        targets = [norm.bias]
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            targets += [norm.weight, norm.running_mean, norm.running_var]
        for target in (*targets, convolution.weight):
            target.copy_(next(arrays).view_as(target))


@torch.no_grad()
def test_raw_heads_are_darknets() -> None:
    network = build_network(NetworkConfig(name="yolov3", classes=COCO)).eval()
    fill(network, darknet_arrays())
    rng = np.random.default_rng(REFERENCE["seed"] + 1)
    image = _float32(rng.random((3, REFERENCE["height"], REFERENCE["width"])))
    for head, wanted in zip(network(image[None]), REFERENCE["heads"], strict=True):
        assert list(head.shape[1:]) == wanted["shape"]
        found = head.flatten()[wanted["index"]].numpy()
        assert np.abs(found - wanted["value"]).max() <= 1e-5 * wanted["absmax"]


def test_multipliers_narrow_and_shorten() -> None:
    narrow = on_meta(width=0.25, depth=0.34)
    kernels = [c.out_channels for c in convolutions(narrow)]
    assert max(kernels) == 256
    assert len(kernels) < 75
    assert len(narrow.strides) == 3


def test_anchors_go_to_the_heads_by_size() -> None:
    network = build_network(NetworkConfig(name="yolov3", classes=("a",), width=0.1, depth=0.1))
    assert isinstance(network.anchors, Tensor)
    coarse, middle, fine = network.anchors.tolist()
    # Darknet's masks: 6,7,8 at stride 32, then 3,4,5, then 0,1,2.
    assert coarse == [[116, 90], [156, 198], [373, 326]]
    assert middle == [[30, 61], [62, 45], [59, 119]]
    assert fine == [[10, 13], [16, 30], [33, 23]]


@pytest.mark.parametrize("count", [1, 8, 10])
def test_anchors_that_do_not_share_out_are_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"{count} anchors"):
        on_meta(anchors=tuple((8.0 + i, 8.0) for i in range(count)))
