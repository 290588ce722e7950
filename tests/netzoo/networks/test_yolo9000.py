from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from exporter.export import export
from netzoo.deploy import deployable
from netzoo.hierarchy import Hierarchical
from netzoo.tasks.wordtree import read_tree
from netzoo.weights.settling import settle
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, build_network
from sizewise.core.errors import UsageError
from sizewise.core.specs import ExportedModel, ModelCard, Size
from tests.netzoo.trees import NINE_THOUSAND, random_tree

TREE = random_tree(60)


def build(config: NetworkConfig) -> AnchorDetector:
    torch.manual_seed(0)
    network = build_network(config)
    assert isinstance(network, AnchorDetector)
    settle(network)
    return network


def narrow(tree: tuple[int, ...] = TREE.parents) -> AnchorDetector:
    classes = tuple(map(str, range(60)))
    return build(NetworkConfig(name="yolo9000", classes=classes, width=0.1, depth=0.1, tree=tree))


def test_scores_are_objectness_times_the_path() -> None:
    network = narrow()
    head = torch.randn(2, 3 * 65, 2, 3) * 2
    boxes, scores = network.decode([head])
    raw = head.view(2, 3, 65, 6).permute(0, 1, 3, 2).reshape(2, 18, 65)
    assert isinstance(network.class_rule, Hierarchical)
    wanted = raw[..., 4:5].sigmoid() * network.class_rule.probabilities(raw[..., 5:], 2)
    assert boxes.shape == (2, 18, 4)
    assert torch.allclose(scores, wanted, rtol=1e-5)
    roots = TREE.siblings[-1]
    np.testing.assert_allclose(scores[..., roots].sum(2), raw[..., 4].sigmoid(), rtol=1e-5)


def test_without_a_tree_all_classes_are_roots() -> None:
    head = torch.randn(1, 3 * 65, 2, 2)
    _, scores = narrow(tree=()).decode([head])
    objectness = head.view(1, 3, 65, 4)[:, :, 4].sigmoid().flatten()
    np.testing.assert_allclose(scores.sum(2)[0], objectness, rtol=1e-5)


def test_a_tree_is_for_the_network_that_has_use_for_it() -> None:
    with pytest.raises(UsageError, match="yolov3 can't be built with a tree"):
        build_network(NetworkConfig(name="yolov3", classes=("a", "b"), tree=(-1, 0)))


def exported(network: AnchorDetector, path: Path) -> ExportedModel:
    module = deployable(network)
    card = ModelCard(
        network="yolo9000",
        task="detection",
        layout="sizewise",
        classes=network.config.classes,
        stride=32,
        tree=network.config.tree,
    )
    return export(module, card, path, output_names=module.output_names, example=Size(64, 96))


@pytest.mark.slow
def test_it_exports_with_its_tree(tmp_path: Path) -> None:
    model = exported(narrow(), tmp_path / "a.onnx")
    assert model.inputs[0].shape == ("batch", 3, "height", "width")
    assert model.card.tree == TREE.parents
    assert len({check.size for check in model.card.parity}) >= 6
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(model.path).graph.node}
    assert all(check.passed for check in model.card.parity)


@pytest.mark.slow
def test_it_exports_with_all_its_classes(tmp_path: Path) -> None:
    names, tree = read_tree(NINE_THOUSAND)
    network = build(NetworkConfig(name="yolo9000", classes=names, tree=tree.parents))
    model = exported(network, tmp_path / "whole.onnx")
    assert all(check.passed for check in model.card.parity)
    assert (model.card.classes, model.card.tree) == (names, tree.parents)
    assert len(onnx.load(model.path).graph.node) < 200
