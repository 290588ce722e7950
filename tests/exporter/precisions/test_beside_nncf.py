"""Our int8 file of a narrow network beside NNCF's, made of the same FP32 file and pictures."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

from docs.make.quantizers.others import write_nncf
from exporter.calibration.feeding import calibration_batches
from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from exporter.export import export
from netzoo.deploy import deployable
from netzoo.weights.settling import settle
from netzoo.zoo.card import card_of
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network
from sizewise.core.specs import ExportedModel, Size
from tests.exporter.small_nets import Array, picture_set

SIZES = (Size(96, 96), Size(128, 160))
MARGIN = 1.25
"""Rounding falls out differently: of two that do equally well, either is ahead by some percent."""
Outputs = Mapping[str, Array]


def _heads(name: str, path: Path) -> ExportedModel:
    """A network without its decode, which NNCF would quantize as well."""
    torch.manual_seed(0)
    network = build_network(NetworkConfig(name=name, classes=("a", "b"), width=0.25, depth=0.1))
    settle(network)
    module = deployable(network, raw=True)
    card = card_of(network, raw=True)
    return export(module, card, path, output_names=module.output_names, example=SIZES[0])


def _as_written(path: Path, picture: Array) -> Outputs:
    """Node by node, in FP32."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"images": picture}), strict=True))


def _in_openvino(path: Path, picture: Array) -> Outputs:
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found: Any = compiled(picture)
    return {output.any_name: found[output] for output in compiled.outputs}


def _error(fp32: list[Outputs], given: list[Outputs]) -> float:
    """The largest of any head: root mean square of the error over that of the values."""
    errors = []
    for name in fp32[0]:
        off = sum(np.square(a[name] - b[name]).sum() for a, b in zip(fp32, given, strict=True))
        errors.append(np.sqrt(off / sum(np.square(a[name]).sum() for a in fp32)))
    return float(max(errors))


def _pictures() -> list[Array]:
    """Others than those of the calibration."""
    random = np.random.default_rng(1)
    patches = (random.random((1, 3, s.height // 16, s.width // 16)) for s in SIZES * 4)
    return [one.repeat(16, 2).repeat(16, 3).astype(np.float32) for one in patches]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov4-tiny", "yolov4-csp"])
def test_our_error_at_the_heads_is_about_nncf_s_at_most(name: str, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    pytest.importorskip("nncf", reason="NNCF is not installed: pip install nncf")
    parent = _heads(name, tmp_path / "fp32.onnx")
    images = picture_set(tmp_path / "pictures", 12)
    settings = ConversionSettings(images=images, sizes=SIZES, check_sizes=SIZES, weight_bits=8)
    ours = convert(parent, "int8", tmp_path / "int8.onnx", settings=settings)
    batches = [given for _, given in calibration_batches(images, SIZES, parent)]
    write_nncf(parent.path, batches, tmp_path / "nncf.xml")
    pictures = _pictures()
    fp32 = [_as_written(parent.path, one) for one in pictures]
    own = _error(fp32, [_as_written(ours.path, one) for one in pictures])
    theirs = _error(fp32, [_in_openvino(tmp_path / "nncf.xml", one) for one in pictures])
    assert own <= MARGIN * theirs
