"""Every fusion, with a convolutional backbone, a residual one and a transformer, exports and agrees
with eager PyTorch at sizes that it was not exported at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
import torch

from exporter.export import export
from netzoo.deploy import deployable
from netzoo.fusions._registry import fusions
from netzoo.weights.settling import settle
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network
from sizewise.core.specs import ExportedModel, ModelCard, Size

BACKBONES = ("convnet", "resnet18", "pvt_v2_b0")
EXAMPLE = Size(128, 96)
THREE = (0.5, 1.0, 1.5)
TWO = (0.5, 1.0)
STAGED = ("average", "absi", "hierarchical")
"""Over convnet at three scales, as average is over resnet18; the others, and other backbones, at
two: torch.export takes over a minute for a transformer. What is not over convnet is for the slow
tests."""
ELSEWHERE = ("single", "average", "absi", "hierarchical")
"""Over convnet they are exported at two scales by the fast tests of the whole line (the first two)
and of the precisions."""
LONG = ("adaptive", "deformable")
"""An export of these takes torch over a minute; ``concat`` stands for them in the fast tests."""
CASES = [
    pytest.param(fusion, backbone, marks=() if quick else pytest.mark.slow)
    for fusion in sorted(fusions())
    for backbone in BACKBONES
    for quick in [backbone == "convnet" and fusion not in (*ELSEWHERE, *LONG)]
]


@pytest.mark.parametrize(("fusion", "backbone"), CASES)
def test_every_fusion_exports(fusion: str, backbone: str, tmp_path: Path) -> None:
    three = (fusion, backbone) == ("average", "resnet18")
    three |= backbone == "convnet" and fusion in STAGED
    scales = THREE if three else TWO
    _check(_export(fusion, backbone, scales, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("scales", [THREE, (0.25, 0.5, 1.0), (0.5, 0.75, 1.0, 1.25, 1.5)])
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("fusion", sorted(fusions()))
def test_every_fusion_exports_with_more_scales(
    fusion: str, backbone: str, scales: tuple[float, ...], tmp_path: Path
) -> None:
    _check(_export(fusion, backbone, scales, tmp_path))


def _check(model: ExportedModel) -> None:
    assert model.inputs[0].shape == ("batch", 3, "height", "width")
    (mask,) = model.outputs
    assert mask.shape[:2] == ("batch", 1)
    sizes = {check.size for check in model.card.parity} - {EXAMPLE}
    assert len(sizes) >= 6
    assert all(check.passed for check in model.card.parity)
    # What says nothing agrees with anything: the mask must follow the picture.
    assert all(check.absmax > 100 * check.max_abs_error for check in model.card.parity)
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(model.path).graph.node}


def _export(fusion: str, backbone: str, scales: Sequence[float], folder: Path) -> ExportedModel:
    torch.manual_seed(0)
    settings = MultiscaleConfig(fusion=fusion, scales=tuple(scales), backbones=(backbone,))
    network = build_network(
        NetworkConfig(
            name="multiscale", classes=("object",), width=0.25, depth=0.1, multiscale=settings
        )
    )
    settle(network)
    module = deployable(network)
    card = ModelCard(
        network="multiscale",
        task="segmentation",
        layout="sizewise",
        stride=network.stride,
        smallest=network.smallest,
        fusion=fusion,
    )
    return export(
        *(module, card, folder / "a.onnx"), output_names=module.output_names, example=EXAMPLE
    )
