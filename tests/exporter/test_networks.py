"""Every network of the zoo exports, with no BatchNorm left and parity at every probe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from exporter.export import export
from netzoo.deploy import deployable
from netzoo.weights.settling import settle
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import NetworkEntry, build_network, find_network, networks
from sizewise.core.specs import ExportedModel, ModelCard, Size

NARROW: Any = {"width": 0.1, "depth": 0.1}


LONG = ("yolov4-p5", "yolov4-p6", "yolov4-p7", "yolov3-spp")
"""YOLOv4-CSP with more levels, a minute or two each; YOLOv3 with one block more."""
ELSEWHERE = ("yolov3-tiny", "yolov4-csp", "multiscale", "yolo9000")
"""tests/contracts export them, the last but one in every fusion, and tests/netzoo/networks
exports yolo9000 with a tree; they look at the same."""
ALIKE = ("yolov2-voc", "yolov2-tiny", "yolov3", "yolov4-tiny")
"""They have yolov2's graph with other anchors, yolov2's head on what yolov3-tiny begins with, the
backbone of darknet53 with the heads of yolov3-tiny, and these heads on a backbone that
tests/sizewise/cli/test_weights.py exports."""
MOST = [
    pytest.param(
        entry, id=name, marks=[pytest.mark.slow] if name in LONG + ELSEWHERE + ALIKE else []
    )
    for name, entry in networks().items()
]


@pytest.mark.parametrize("entry", MOST)
def test_a_narrow_one_exports(entry: NetworkEntry, folder: Path) -> None:
    model = _export(NetworkConfig(name=entry.name, classes=("a", "b"), **NARROW), folder)
    assert model.inputs[0].shape == ("batch", 3, "height", "width")
    nodes = onnx.load(model.path).graph.node
    assert "BatchNormalization" not in {node.op_type for node in nodes}
    assert len({check.size for check in model.card.parity}) >= 6
    assert all(check.passed for check in model.card.parity)


@pytest.mark.slow
@pytest.mark.parametrize("entry", networks().values(), ids=networks().keys())
def test_a_whole_one_exports(entry: NetworkEntry, folder: Path) -> None:
    classes = tuple(map(str, range(entry.classes)))
    model = _export(NetworkConfig(name=entry.name, classes=classes), folder)
    assert all(check.passed for check in model.card.parity)


def _export(config: NetworkConfig, folder: Path) -> ExportedModel:
    torch.manual_seed(0)
    network = build_network(config)
    settle(network)
    module = deployable(network)
    card = ModelCard(
        network=config.name,
        task=find_network(config.name).task,
        layout="sizewise",
        classes=config.classes,
        stride=network.stride,
    )
    return export(
        *(module, card, folder / "a.onnx"),
        output_names=module.output_names,
        example=Size(4 * network.stride, 3 * network.stride),
    )
