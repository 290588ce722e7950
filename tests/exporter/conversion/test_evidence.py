"""What is found of a network before it is converted: ranges, heads, biases and the method."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from exporter.calibration.method import methods
from exporter.calibration.observe import observe
from exporter.conversion.settings import ConversionSettings
from exporter.convert import Conversion, convert
from sizewise.core.specs import ExportedModel
from tests.exporter.chains import NET, SIZES, quantized_layers, saved
from tests.exporter.small_nets import Net, producers


def test_a_head_is_quantized_where_its_own_error_is_small(
    chain: ExportedModel, seen: ConversionSettings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = {producers(onnx.load(chain.path))[name].name for name in NET.heads}
    for bound, wanted in ((1.0, heads), (0.0, set[str]())):
        monkeypatch.setattr("exporter.conversion.evidence.HEAD_BOUND", bound)
        made = convert(chain, "int8", folder / "made.onnx", settings=seen)
        assert heads & quantized_layers(made) == wanted


@pytest.mark.parametrize("scale", [1.0, 400.0])
def test_a_head_is_not_quantized_where_one_scale_would_cover_scores_beside_pixels(
    scale: float, folder: Path, seen: ConversionSettings
) -> None:
    """Its own error is small by a scale for each channel of the weights. ONNX Runtime rounds all
    that it gives by one."""
    net = Net()
    inner = net.add("Relu", net.conv(net.add("Relu", net.conv("images", (8, 3, 3, 3)))))
    weights = net.random.standard_normal((6, 8, 1, 1)) / 3
    bias = np.array([1.0, 1, 1, 1, -2, -1])
    sizes = np.array([scale] * 4 + [1.0, 1.0])
    kernel = net.hold(weights * sizes.reshape(-1, 1, 1, 1))
    head = net.add("Conv", inner, kernel, net.hold(bias * sizes))
    model = saved(net.model({head: 4}), folder)
    found = {
        one: Conversion(model, one, seen).found.evidence.heads for one in ("int8", "int8+bf16")
    }
    heads = frozenset({f"n_{head}"})
    assert found == {"int8": heads if scale == 1 else frozenset(), "int8+bf16": heads}


def test_biases_are_corrected_where_that_lessens_the_error(
    chain: ExportedModel, seen: ConversionSettings
) -> None:
    conversion = Conversion(chain, "int8", seen)
    evidence = conversion.found.evidence
    error = conversion.relative_error(conversion.batches(SIZES[1:]))
    plain = conversion.network.converted(replace(evidence, shifts={}))
    assert evidence.shifts
    assert error(conversion.graph()) < error(plain)


def test_biases_that_would_add_to_the_error_are_left_alone(
    chain: ExportedModel, seen: ConversionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = NET.layers[0]
    found = {layer: np.ones(8)}
    monkeypatch.setattr("exporter.conversion.evidence.channel_shifts", lambda *_: found)
    assert Conversion(chain, "int8", seen).found.evidence.shifts == {}


def test_auto_takes_the_method_of_the_least_error_and_observes_once(
    chain: ExportedModel,
    seen: ConversionSettings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    observed = []

    def once(*given: Any, **more: Any) -> Any:
        observed.append(more["histograms"])
        return observe(*given, **more)

    monkeypatch.setattr("exporter.conversion.evidence.observe", once)
    automatic = Conversion(chain, "int8", replace(seen, method="auto"))
    assert observed == [True]
    for name, error in automatic.errors.items():
        alone = Conversion(chain, "int8", replace(seen, method=name))
        batches = alone.batches(SIZES[1:])
        assert alone.relative_error(batches)(alone.graph()) == pytest.approx(error, rel=1e-6)
        same = alone.graph().SerializeToString() == automatic.graph().SerializeToString()
        assert same == (name == automatic.method) or error == min(automatic.errors.values())
    assert set(automatic.errors) == set(methods())
    assert automatic.method == min(automatic.errors, key=lambda name: automatic.errors[name])
    card = automatic.write(automatic.graph(), folder / "auto.onnx").card
    assert card.calibration is not None
    assert (card.calibration.method, card.calibration.chosen) == ("auto", automatic.method)


def test_one_method_is_not_compared_with_others(
    chain: ExportedModel, seen: ConversionSettings, folder: Path
) -> None:
    conversion = Conversion(chain, "int8", replace(seen, method="mse"))
    assert (conversion.errors, conversion.method) == ({}, "mse")
    card = conversion.write(conversion.graph(), folder / "mse.onnx").card
    assert card.calibration is not None
    assert (card.calibration.method, card.calibration.chosen) == ("mse", "")
