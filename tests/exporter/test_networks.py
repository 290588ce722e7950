"""Every network of the zoo exports, with no BatchNorm left and parity at every probe."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch

from exporter.export import export
from netzoo.config import NetworkConfig
from netzoo.deploy import deployable
from netzoo.network import NetworkEntry, build_network, networks
from sizewise.specs import ModelCard, Size

CLASSES = ("a", "b")


@pytest.mark.slow
@pytest.mark.parametrize("entry", networks().values(), ids=networks().keys())
def test_a_registered_network_exports(entry: NetworkEntry, folder: Path) -> None:
    torch.manual_seed(0)
    config = NetworkConfig(name=entry.name, classes=CLASSES, width=0.1, depth=0.1)
    network = build_network(config)
    network(torch.rand(4, 3, 2 * network.stride, 2 * network.stride))  # moves the BatchNorms
    module = deployable(network)
    card = ModelCard(
        network=entry.name,
        task=entry.task,
        layout="sizewise",
        classes=CLASSES,
        stride=network.stride,
    )
    example = Size(4 * network.stride, 3 * network.stride)
    model = export(
        module, card, folder / "a.onnx", output_names=module.output_names, example=example
    )
    assert model.inputs[0].shape == ("batch", 3, "height", "width")
    nodes = onnx.load(model.path).graph.node
    assert "BatchNormalization" not in {node.op_type for node in nodes}
    assert all(check.passed for check in model.card.parity)
