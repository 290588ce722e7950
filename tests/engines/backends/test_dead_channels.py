"""Channels with next to no weight and a bias that matters, in both CPU back ends.

A library puts biases into 32 bits at the scale of the products, and cuts off what does not fit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

from engines.backends._quantized.carrying import add_pairs
from engines.backends._quantized.unsigned import make_unsigned
from exporter.graph.regions import Graph, label
from exporter.precisions._quantized import convolutions
from sizewise.core.onnxfiles.ranges import read_least
from tests.exporter.precisions.test_quantized import quantized, seen
from tests.exporter.small_nets import Array, Net, copied, pictures, run


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


def in_onnxruntime(file: onnx.ModelProto, images: Array) -> Array:
    pytest.importorskip("onnxruntime")
    made = copied(file)
    add_pairs(made)
    make_unsigned(made, read_least(made))
    return run(made, images, optimised=True)[0]


def in_openvino(file: onnx.ModelProto, images: Array) -> Array:
    openvino = pytest.importorskip("openvino")
    made = copied(file)
    make_unsigned(made)
    core = openvino.Core()
    graph = core.read_model(made.SerializeToString())
    graph.reshape(list(images.shape))
    found: Array = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(images)[0]
    return found


@pytest.mark.parametrize("engine", [in_onnxruntime, in_openvino])
@pytest.mark.parametrize("small", [0.0, 1e-12, 1e-9, 1e-5])
def test_the_biases_of_dead_channels_stay_whole(engine: object, small: float) -> None:
    assert callable(engine)
    parent, images = network(small), pictures()
    labels = frozenset(label(node) for node in convolutions(Graph(parent)))
    file = quantized(parent, evidence=replace(seen(parent), heads=labels))
    (expected,), (own,), found = run(parent, images), run(file, images), engine(file, images)
    whole = np.sqrt(np.square(expected).mean())
    file_error = np.sqrt(np.square(own - expected).mean()) / whole
    assert file_error < 0.05
    assert np.sqrt(np.square(found - own).mean()) / whole <= max(2 * file_error, 0.02)
