from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from exporter.conversion.settings import ConversionSettings
from exporter.convert import Conversion
from exporter.sensitivity import (
    Exclusion,
    Sensitivity,
    fewest_excluded,
    layer_errors,
    too_many_excluded,
)
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size
from tests.exporter.conftest import Counted
from tests.exporter.small_nets import Chain, picture_set, producers

SIZES = (Size(32, 32), Size(32, 48))


def ranked(count: int) -> tuple[str, ...]:
    return tuple(f"conv{place}" for place in range(count))


class Scripted:
    """The accuracy loss by number of excluded layers; records the numbers it was called with."""

    def __init__(self, drops: Sequence[float]) -> None:
        self.drops = drops
        self.requested: list[int] = []

    def __call__(self, excluded: tuple[str, ...]) -> float:
        assert excluded == ranked(len(excluded))
        self.requested.append(len(excluded))
        return self.drops[len(excluded)]


@settings(max_examples=300)
@given(count=st.integers(1, 130), needed=st.integers(0, 70), limit=st.floats(0, 60))
def test_the_fewest_layers_that_are_enough_are_excluded(
    count: int, needed: int, limit: float
) -> None:
    drops = [limit + needed - kept for kept in range(count + 1)]
    drop, layers = Scripted(drops), ranked(count)
    most = len(layers) // 2
    enough = [count for count in range(min(1, most), most + 1) if drops[count] <= limit]
    choice = fewest_excluded(layers, drop, limit)
    assert (choice.accuracy_loss <= limit) == bool(enough)
    assert choice.layers == layers[: enough[0] if enough else most]
    assert choice.accuracy_loss == drops[len(choice.layers)]
    assert max(drop.requested) <= most
    assert len(drop.requested) == len(set(drop.requested)) <= 2 * np.log2(len(drops)) + 2


def test_where_half_of_them_do_not_help_the_worst_are_named() -> None:
    errors = [Sensitivity(layer=f"conv{place}", error=1 / (place + 1)) for place in range(8)]
    half = Exclusion(layers=ranked(4), accuracy_loss=3.0)
    error = too_many_excluded(errors, half, 1.0, "FP16")
    assert error.what == "The accuracy loss is above the limit of 1 points"
    assert error.why == (
        "it is 3.00 points with the 4 most sensitive layers in FP16; the worst are conv0 (100.0%), "
        "conv1 (50.0%), conv2 (33.3%), conv3 (25.0%), conv4 (20.0%)"
    )
    assert error.reason_code == "numerics"


def with_outliers(net: Chain, layer: int) -> onnx.ModelProto:
    """What weighs a dead channel is made large: nothing changes in float32, and the other weights
    of ``layer`` fall between the steps of an 8-bit scale."""
    before, after = (producers(net.proto)[net.layers[place]] for place in (layer - 1, layer))
    for tensor in net.proto.graph.initializer:
        values = numpy_helper.to_array(tensor).copy()
        if tensor.name in before.input[1:]:
            values[0] = 0
        elif tensor.name == after.input[1]:
            values[:, 0] = 40
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return net.proto


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_the_layer_that_was_made_sensitive_comes_first(
    folder: Path, layer: int, precision: str
) -> None:
    net = Chain(["leaky", "conv", "leaky", "conv", "leaky", "conv", "leaky"])
    onnx.save(with_outliers(net, layer), folder / "net.onnx")
    settings = ConversionSettings(images=picture_set(folder / "pictures"), sizes=SIZES)
    conversion = Conversion(read_model(folder / "net.onnx"), precision, settings)
    progress = Counted()
    found = layer_errors(conversion, progress)
    by_output = producers(conversion.network.prepared)
    names = [by_output[name].name for name in net.layers]
    heads = {by_output[name].name for name in net.heads}
    assert set(names) - heads <= {one.layer for one in found} <= set(names)
    assert progress.steps == len(names)
    errors = [one.error for one in found]
    assert errors == sorted(errors, reverse=True)
    if precision == "int8":  # of floating-point weights, the small ones keep their share
        assert found[0].layer == names[layer]
        assert errors[0] > 3 * errors[1]


def test_each_layer_alone_hurts_less_than_all_together(folder: Path) -> None:
    net = Chain(["leaky", "norm"])
    onnx.save(net.proto, folder / "net.onnx")
    conversion = Conversion(
        read_model(folder / "net.onnx"), "bf16", ConversionSettings(sizes=SIZES)
    )
    found = layer_errors(conversion)
    assert len(found) == len(net.layers)
    assert all(2**-12 < one.error < 2**-4 for one in found)


def test_a_network_of_one_layer_too_many_has_nothing_to_spare() -> None:
    found = fewest_excluded(ranked(1), Scripted([5.0, 0.0]), 1.0)
    assert (found.layers, found.accuracy_loss) == ((), 5.0)
