from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.errors import UsageError

COCO = tuple(f"class {number}" for number in range(80))


def on_meta(**changes: Any) -> Network:
    config = {"name": "yolov3", "classes": COCO, **changes}
    with torch.device("meta"):
        return build_network(NetworkConfig(**config))


@pytest.mark.parametrize(("height", "width"), [(416, 416), (608, 608), (320, 544), (32, 64)])
def test_heads_shrink_by_their_strides(height: int, width: int) -> None:
    network = on_meta()
    heads = network(torch.empty(2, 3, height, width, device="meta"))
    assert [tuple(h.shape) for h in heads] == [
        (2, 255, height // stride, width // stride) for stride in network.strides
    ]


def test_multipliers_narrow_and_shorten() -> None:
    narrow = on_meta(width=0.25, depth=0.34)
    kernels = [m.out_channels for m in narrow.modules() if isinstance(m, nn.Conv2d)]
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


@pytest.mark.parametrize("count", [1, 8, 10, 12])
def test_another_number_of_anchors_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"{count} anchors"):
        on_meta(anchors=tuple((8.0 + i, 8.0) for i in range(count)))
