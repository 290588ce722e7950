from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netzoo.hierarchy import Hierarchical
from netzoo.losses._region import region_loss
from netzoo.losses._registry import Targets, find_loss
from netzoo.losses.joint import joint_loss
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, build_network
from tests.netzoo.trees import random_tree

TREE = random_tree(12)
SHAPE = (3, 3, 17, 2, 4)
"""Images, anchors, numbers, rows, columns."""
BOXES = torch.tensor([[10.0, 12, 40, 60], [70, 20, 90, 44], [30, 30, 75, 62]])


@pytest.fixture(scope="module")
def network() -> AnchorDetector:
    classes = tuple(map(str, range(12)))
    network = build_network(
        NetworkConfig(name="yolo9000", classes=classes, width=0.05, depth=0.1, tree=TREE.parents)
    )
    assert isinstance(network, AnchorDetector)
    return network


def random_head(seed: int, objectness: float = -2.0) -> Tensor:
    raw = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    raw[:, :, 4] += objectness
    return raw


def gradient(network: AnchorDetector, raw: Tensor, targets: Targets) -> Tensor:
    """Of the loss, in the shape of ``raw``."""
    raw = raw.clone().requires_grad_()
    parts = joint_loss(network, [raw.flatten(1, 2)], targets)
    torch.autograd.backward(torch.stack(list(parts.values())).sum())
    assert raw.grad is not None
    return raw.grad


def targets_of(owners: list[int], whole: list[int] | None) -> Targets:
    """A box of class 5, 6, … in each image of ``owners``."""
    return Targets(
        images=torch.tensor(owners, dtype=torch.long),
        labels=torch.arange(5, 5 + len(owners)),
        boxes=BOXES[: len(owners)],
        whole=None if whole is None else torch.tensor(whole),
    )


def best_box(network: AnchorDetector, raw: Tensor, label: int) -> tuple[int, ...]:
    """Anchor, row and column of the highest score, one after the other."""
    assert isinstance(network.class_rule, Hierarchical)
    best, high = (0, 0, 0), -1.0
    for anchor in range(raw.shape[0]):
        for row in range(raw.shape[2]):
            for column in range(raw.shape[3]):
                numbers = raw[anchor, :, row, column].double()
                share = network.class_rule.probabilities(numbers[None, 5:], 1)[0, label]
                if (score := float(share * numbers[4].sigmoid())) > high:
                    best, high = (anchor, row, column), score
    return best


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), label=st.integers(0, 11), objectness=st.floats(-6, 6))
def test_a_classified_image_teaches_its_best_box_alone(
    network: AnchorDetector, seed: int, label: int, objectness: float
) -> None:
    raw = random_head(seed, objectness)[:1]
    found = gradient(network, raw, targets_of([], [label]))[0]
    anchor, row, column = best_box(network, raw[0], label)
    chosen = found[anchor, :, row, column].clone()
    found[anchor, :, row, column] = 0
    assert (found == 0).all()
    assert (chosen[:4] == 0).all()
    low = raw[0, anchor, 4, row, column].sigmoid() < 0.3
    assert (chosen[4] < 0) == low  # downhill is up
    on_path = {int(i) for above in TREE.path(label) for i in TREE.siblings[TREE.parents[above]]}
    touched = {i for i, value in enumerate(chosen[5:].tolist()) if value}
    assert touched <= on_path
    several = [above for above in TREE.path(label) if len(TREE.siblings[TREE.parents[above]]) > 1]
    assert set(several) <= touched
    assert (chosen[5:][several] < 0).all()


def test_images_with_boxes_learn_as_without_the_others(network: AnchorDetector) -> None:
    raw = random_head(0)
    found = gradient(network, raw, targets_of([0, 2, 2], [-1, 7, -1]))
    alone = gradient(network, raw[[0, 2]], targets_of([0, 1, 1], None))
    assert torch.allclose(found[[0, 2]], alone * 2 / 3, atol=1e-7)
    single = gradient(network, raw[[1]], targets_of([], [7]))
    assert torch.allclose(found[[1]], single / 3, atol=1e-7)
    assert found[1].any()


@pytest.mark.parametrize("whole", [None, [-1, -1, -1]])
def test_with_boxes_alone_it_is_the_loss_of_the_region(
    network: AnchorDetector, whole: list[int] | None
) -> None:
    heads, targets = [random_head(1).flatten(1, 2)], targets_of([0, 1, 1], whole)
    assert joint_loss(network, heads, targets) == region_loss(network, heads, targets)


def test_heads_that_descend_the_loss_detect_and_classify(network: AnchorDetector) -> None:
    """Gradient descent on the raw numbers alone: two boxes in one image, a class in another."""
    raw = random_head(2).requires_grad_()
    targets = targets_of([0, 0], [-1, 9, 4])
    optimizer = torch.optim.Adam([raw], lr=0.2)
    for _ in range(120):
        optimizer.zero_grad()
        parts = joint_loss(network, [raw.flatten(1, 2)], targets)
        torch.autograd.backward(torch.stack(list(parts.values())).sum())
        optimizer.step()
    boxes, scores = network.decode([raw.detach().flatten(1, 2)])
    for image, label, least in ((0, 5, 0.9), (0, 6, 0.9), (1, 9, 0.28), (2, 4, 0.28)):
        assert scores[image, :, label].max() > least
    found = boxes[0, scores[0, :, 5].argmax()]
    assert torch.allclose(found, BOXES[0], atol=2)


def test_it_is_registered_with_the_original_s_decoding() -> None:
    assert find_loss("joint").decoding is None
