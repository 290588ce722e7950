from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from exporter.calibration.means import channel_shifts
from exporter.calibration.observe import observe
from exporter.graph.passes import run_pass
from exporter.graph.regions import Graph
from exporter.precisions._evidence import Evidence
from exporter.precisions._quantized import Quantized, chosen_layers
from exporter.precisions._watched import quantized_values
from exporter.precisions.int8 import INT8
from sizewise.core.specs import Size
from tests.exporter.small_nets import Array, Chain, copied, parsed, pictures, run

SIZE = Size(32, 48)


def evidence_of(model: onnx.ModelProto) -> Evidence:
    batches = [(SIZE, pictures(32, 48))]
    found = observe(model, quantized_values(model), lambda: batches, histograms=False)
    # Little room: much is clipped, which moves means.
    return Evidence(thresholds={name: one.absmax / 2 for name, one in found.items()})


def made(model: onnx.ModelProto, evidence: Evidence) -> onnx.ModelProto:
    return run_pass(Quantized(INT8, evidence), copied(model))


def means(model: onnx.ModelProto, names: list[str], images: Array) -> list[Array]:
    wider = copied(model)
    for name in names:
        wider.graph.output.add().name = name
    return [one.mean((0, 2, 3)) for one in run(wider, images)[-len(names) :]]


def without_biases(model: onnx.ModelProto) -> onnx.ModelProto:
    for node in model.graph.node:
        if node.op_type == "Conv":
            del node.input[2:]
    return model


@given(
    st.lists(st.sampled_from(["conv", "leaky", "add", "concat", "depthwise"]), max_size=4),
    st.integers(0, 99),
    st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_means_of_every_layer_are_moved_back(parts: list[str], seed: int, biased: bool) -> None:
    model = Chain(parts, seed).prepared("int8", 13)
    model = model if biased else without_biases(model)
    evidence = evidence_of(model)
    names = [node.output[0] for node in chosen_layers(Graph(model), evidence)]
    images = pictures(32, 48)
    plain = made(model, evidence)
    shifts = channel_shifts(model, plain, names, [(SIZE, {"images": images})])
    shifted = made(model, replace(evidence, shifts=shifts))
    wanted = means(model, names, images)
    assert set(shifts) == set(names)
    for found, expected in zip(means(shifted, names, images), wanted, strict=True):
        assert_allclose(found, expected, atol=2e-3)
    assert max(np.abs(shift).max() for shift in shifts.values()) > 2e-3


def test_a_layer_that_nothing_moves_keeps_its_bias() -> None:
    model = Chain(["conv"]).prepared("int8", 13)
    names = [node.output[0] for node in chosen_layers(Graph(model), Evidence())]
    batches = [(SIZE, pictures(32, 48)), (SIZE, pictures(48, 32))]
    assert channel_shifts(model, model, names, batches) == {}


def test_what_pictures_do_not_agree_on_is_left_alone() -> None:
    model = parsed(
        """(float[1, 3, H, W] images) => (float[1, 3, H, W] layer) {
            layer = Identity(images)
        }"""
    )
    stretched = parsed(
        """(float[1, 3, H, W] images) => (float[1, 3, H, W] layer)
            <float half = {0.5}, float twice = {2.0}> {
            off = Sub(images, half)
            off_twice = Mul(off, twice)
            layer = Add(off_twice, half)
        }"""
    )
    bright, dark = ((SIZE, np.full((1, 3, 32, 48), grey, np.float32)) for grey in (0.9, 0.1))
    assert channel_shifts(model, stretched, ["layer"], [bright, dark]) == {}
    assert_allclose(channel_shifts(model, stretched, ["layer"], [bright])["layer"], -0.4, 1e-5)
    assert_allclose(channel_shifts(model, stretched, ["layer"], [dark])["layer"], 0.4, 1e-5)
