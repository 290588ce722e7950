from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.blocks import scaled_channels, scaled_repeats
from netzoo.zoo.config import NetworkConfig
from sizewise.core import codec
from sizewise.core.errors import UsageError


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0.0},
        {"width": float("nan")},
        {"depth": -1.0},
        {"depth": 100.0},
        {"classes": ()},
        {"classes": ("a", "a")},
        {"anchors": ((10.0, 0.0),)},
        {"anchors": ((float("inf"), 4.0),)},
        {"tree": (-1, 0, 0)},
        {"tree": (1, 0)},
        {"tree": (-1, 7)},
    ],
)
def test_what_can_not_be_built_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        NetworkConfig(**({"name": "yolov3", "classes": ("a", "b")} | wrong))


def test_a_configuration_survives_json() -> None:
    config = NetworkConfig(
        name="yolo9000",
        classes=("é", "b"),
        width=0.25,
        anchors=((1.5, 2.0),),
        decoding="scaled",
        tree=(-1, 0),
    )
    assert codec.from_json(codec.to_json(config), NetworkConfig) == config


@given(st.integers(1, 128).map(lambda n: 8 * n), st.floats(0.05, 4))
def test_channels_are_multiples_of_eight_near_the_product(channels: int, width: float) -> None:
    scaled = scaled_channels(channels, width)
    assert scaled % 8 == 0
    assert abs(scaled - channels * width) <= 4 or scaled == 8


@given(st.integers(1, 40))
def test_one_changes_nothing(count: int) -> None:
    assert scaled_channels(count, 1.0) == count
    assert scaled_repeats(count, 1.0) == count
    assert scaled_repeats(count, 0.01) >= 1
