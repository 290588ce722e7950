"""The zoo against what the original configurations give.

Counted from Darknet's own configuration files and confirmed by running it; for P7, which it has
none of, from the authors' description (Wang et al. 2021, Scaled-YOLOv4: 287.57 M parameters).
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.cost import count_cost
from netzoo.zoo.network import build_network, find_network
from sizewise.core.specs import Size


@dataclass(frozen=True)
class Published:
    side: int
    convolutions: int
    parameters: int
    bflops: float
    heads: tuple[tuple[int, int], ...] = ()
    """Channels and side of each."""


PUBLISHED = {
    "darknet19": Published(224, 19, 20_842_376, 5.582),
    "darknet53": Published(256, 53, 41_609_928, 18.570),
    "yolov2": Published(416, 23, 50_962_889, 29.464, ((425, 13),)),
    "yolov2-voc": Published(416, 23, 50_655_389, 29.360, ((125, 13),)),
    "yolo9000": Published(544, 19, 48_793_101, 49.062, ((28269, 17),)),
    "yolov3-tiny": Published(416, 13, 8_852_366, 5.565, ((255, 13), (255, 26))),
    "yolov3": Published(416, 75, 61_949_149, 65.864, ((255, 13), (255, 26), (255, 52))),
    "yolov3-spp": Published(608, 76, 62_998_749, 141.449, ((255, 19), (255, 38), (255, 76))),
    "yolov4": Published(608, 110, 64_363_101, 128.389, ((255, 76), (255, 38), (255, 19))),
    "yolov4-tiny": Published(416, 21, 6_056_606, 6.908, ((255, 13), (255, 26))),
    "yolov4-csp": Published(512, 115, 52_921_437, 76.953, ((255, 64), (255, 32), (255, 16))),
    "yolov4-p5": Published(896, 163, 70_830_684, 326.643, ((340, 112), (340, 56), (340, 28))),
    "yolov4-p6": Published(
        *(1280, 205, 127_585_200, 717.020),
        ((340, 160), (340, 80), (340, 40), (340, 20)),
    ),
}


def config(name: str) -> NetworkConfig:
    return NetworkConfig(name=name, classes=tuple(map(str, range(find_network(name).classes))))


@pytest.mark.parametrize("name", PUBLISHED)
def test_costs_are_the_originals(name: str) -> None:
    wanted = PUBLISHED[name]
    assert find_network(name).size == Size(wanted.side, wanted.side)
    cost = count_cost(config(name), Size(wanted.side, wanted.side))
    assert (cost.convolutions, cost.parameters) == (wanted.convolutions, wanted.parameters)
    assert cost.bflops == pytest.approx(wanted.bflops, rel=1e-3)


@pytest.mark.parametrize(("name", "printed"), [("yolov4", 128.459), ("yolov3-spp", 141.5)])
def test_with_pools_and_shortcuts_it_is_what_darknet_prints(name: str, printed: float) -> None:
    side = PUBLISHED[name].side
    cost = count_cost(config(name), Size(side, side))
    assert round(cost.darknet_bflops, len(str(printed).partition(".")[2])) == printed


@pytest.mark.parametrize("name", [name for name, wanted in PUBLISHED.items() if wanted.heads])
def test_heads_have_the_originals_shapes(name: str) -> None:
    wanted = PUBLISHED[name]
    with torch.device("meta"):
        heads = build_network(config(name))(torch.empty(1, 3, wanted.side, wanted.side))
    assert [(h.shape[1], h.shape[2], h.shape[3]) for h in heads] == [
        (channels, side, side) for channels, side in wanted.heads
    ]


def test_p7_is_as_large_as_its_authors_say() -> None:
    """Their 1639 BFLOPs count more than convolutions: for P6, 718 where Darknet prints 717.02."""
    cost = count_cost(config("yolov4-p7"), Size(1536, 1536))
    assert cost.convolutions == 247
    assert cost.parameters == pytest.approx(287.57e6, rel=1e-3)
    assert cost.bflops == pytest.approx(1639 * 717.02 / 718, rel=1e-3)
    with torch.device("meta"):
        heads = build_network(config("yolov4-p7"))(torch.empty(1, 3, 1536, 1536))
    assert [(h.shape[1], h.shape[2]) for h in heads] == [
        (340, side) for side in (192, 96, 48, 24, 12)
    ]
