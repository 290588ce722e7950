"""Channels with next to no weight and a bias that matters, in both CPU back ends.

A library puts biases into 32 bits at the scale of the products, and cuts off what does not fit.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.engines.backends.int8_engines import ENGINES, assert_right, off, whole
from tests.exporter.small_nets import Net, pictures, run


def network(small: float) -> onnx.ModelProto:
    net = Net()
    value = "images"
    for inputs, kind in ((3, "Relu"), (8, "LeakyRelu"), (8, "Relu")):
        weights = net.random.standard_normal((8, inputs, 3, 3)) / np.sqrt(9 * inputs)
        bias = net.random.standard_normal(8) / 4
        weights[::3] *= small
        bias[::3] = 2.0
        conv = net.add("Conv", value, net.hold(weights), net.hold(bias), pads=[1] * 4)
        value = net.add(kind, conv)
    head = net.conv(value, (6, 8, 1, 1))
    return net.model({head: 4})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("small", [0.0, 1e-12, 1e-9, 1e-5])
def test_the_biases_of_dead_channels_stay_whole(engine: str, small: float) -> None:
    parent, images = network(small), pictures()
    file = whole(parent)
    (expected,), (own,) = run(parent, images), run(file, images)
    assert off(own, expected) < 0.05
    assert_right(engine, parent, images)
