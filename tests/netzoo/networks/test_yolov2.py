from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netzoo.networks.yolov2 import passthrough
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, build_network


def darknet_reorg(x: list[float], channels: int, height: int, width: int) -> list[float]:
    """Darknet's reorg layer, stride 2, read from its loop: flat memory in, flat memory out."""
    out = [0.0] * len(x)
    few = channels // 4
    for k in range(channels):
        for j in range(height):
            for i in range(width):
                row, column = 2 * j + (k // few) // 2, 2 * i + (k // few) % 2
                source = column + 2 * width * (row + 2 * height * (k % few))
                out[i + width * (j + height * k)] = x[source]
    return out


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
def test_the_passthrough_is_darknets_and_not_pixel_unshuffle(
    few: int, rows: int, cols: int
) -> None:
    channels, height, width = 4 * few, 2 * rows, 2 * cols
    x = torch.arange(channels * height * width, dtype=torch.float32)
    wanted = torch.tensor(darknet_reorg(x.tolist(), channels, height, width))
    image = x.view(1, channels, height, width)
    found = passthrough(torch.cat((image + 1, image)))
    assert found.shape == (2, 4 * channels, height // 2, width // 2)
    assert torch.equal(found[1].flatten(), wanted)
    assert torch.equal(found[0].flatten(), wanted + 1)
    assert not torch.equal(found[1], torch.nn.functional.pixel_unshuffle(image, 2)[0])


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (416, 288)])
def test_any_grid_is_decoded(size: tuple[int, int]) -> None:
    config = NetworkConfig(name="yolov2", classes=("a", "b", "c"), width=0.05, depth=0.1)
    network = build_network(config).eval()
    boxes, scores = network.decode(network(torch.rand(2, 3, *size)))
    assert boxes.shape == (2, 5 * (size[0] // 32) * (size[1] // 32), 4)
    assert scores.shape[2] == 3


def test_classes_exclude_one_another() -> None:
    config = NetworkConfig(name="yolov2-tiny", classes=tuple("abcd"), width=0.05)
    network = build_network(config).eval()
    assert isinstance(network, AnchorDetector)
    head = torch.randn(1, 5 * 9, 3, 2)
    _, scores = network.decode([head])
    objectness = head.view(1, 5, 9, 3, 2)[:, :, 4].sigmoid().flatten()
    np.testing.assert_allclose(scores.sum(2)[0], objectness, rtol=1e-5)


def test_anchors_are_cells_of_32_pixels() -> None:
    network = build_network(NetworkConfig(name="yolov2-voc", classes=("a",), width=0.05))
    assert isinstance(network, AnchorDetector)
    assert network.anchors[0, 0].tolist() == pytest.approx([1.3221 * 32, 1.73145 * 32])
