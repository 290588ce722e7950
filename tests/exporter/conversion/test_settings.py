"""Settings that a precision can't be made with, each told before anything is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from sizewise.core.errors import UsageError
from sizewise.core.specs import ExportedModel
from tests.exporter.chains import NOISE


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_scales_need_images(chain: ExportedModel, folder: Path, precision: str) -> None:
    with pytest.raises(
        UsageError, match=r"calibration images are required for .*\. Give calibrate"
    ):
        convert(chain, precision, folder / "made.onnx", settings=NOISE)


@pytest.mark.parametrize("bits", [0, 6, 9, 16])
def test_weights_have_7_bits_or_8(
    chain: ExportedModel, seen: ConversionSettings, folder: Path, bits: int
) -> None:
    with pytest.raises(UsageError, match=f"can't have {bits} bits"):
        convert(chain, "int8", folder / "made.onnx", settings=replace(seen, weight_bits=bits))


def test_an_unknown_method_lists_those_there_are(
    chain: ExportedModel, seen: ConversionSettings, folder: Path
) -> None:
    with pytest.raises(
        UsageError, match=r"no calibration method named 'mean'.*entropy, minmax, mse"
    ):
        convert(chain, "int8", folder / "made.onnx", settings=replace(seen, method="mean"))


def test_without_a_size_nothing_can_be_looked_at(chain: ExportedModel, folder: Path) -> None:
    with pytest.raises(UsageError, match="no input size to observe its values at"):
        convert(chain, "fp16", folder / "made.onnx")
