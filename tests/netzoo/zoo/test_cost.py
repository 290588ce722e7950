from __future__ import annotations

import pytest

from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.cost import count_cost
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

COCO = tuple(f"class {number}" for number in range(80))


def test_yolov3_costs_what_darknet_prints() -> None:
    cost = count_cost(NetworkConfig(name="yolov3", classes=COCO), Size(416, 416))
    assert cost.parameters == 61_949_149
    assert cost.convolutions == 75
    assert cost.bflops == pytest.approx(65.864, rel=1e-3)


def test_operations_follow_the_pixels_and_parameters_do_not() -> None:
    config = NetworkConfig(name="yolov3", classes=COCO, width=0.25)
    small, large = (count_cost(config, size) for size in (Size(320, 160), Size(320, 320)))
    assert large.bflops == pytest.approx(2 * small.bflops)
    assert large.parameters == small.parameters


def test_an_unknown_network_is_refused_with_a_list() -> None:
    with pytest.raises(UsageError, match="yolov3"):
        count_cost(NetworkConfig(name="yolov33", classes=COCO), Size(416, 416))
