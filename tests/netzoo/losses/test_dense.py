from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from netzoo.losses._boxes import box_iou
from netzoo.losses._registry import Targets, find_loss
from netzoo.losses.dense import dense_loss
from netzoo.zoo.network import AnchorDetector
from sizewise.core.errors import UsageError
from tests.netzoo.factories import narrow_detector

TRUTH = Targets(
    images=torch.tensor([0, 0, 1]),
    labels=torch.tensor([0, 1, 1]),
    boxes=torch.tensor([[10.0, 12, 40, 60], [70, 20, 90, 44], [30, 30, 75, 62]]),
)
NONE = Targets(
    images=torch.empty(0, dtype=torch.long),
    labels=torch.empty(0, dtype=torch.long),
    boxes=torch.empty(0, 4),
)


def heads_of(network: AnchorDetector) -> list[torch.Tensor]:
    shapes = [h.shape for h in network(torch.zeros(2, 3, 64, 96))]
    return [torch.zeros(shape, requires_grad=True) for shape in shapes]


def total(network: AnchorDetector, heads: list[torch.Tensor], targets: Targets) -> torch.Tensor:
    return torch.stack(list(dense_loss(network, heads, targets).values())).sum()


def test_heads_that_descend_the_loss_detect_the_targets() -> None:
    """Gradient descent on the raw numbers alone must end where the decode gives the boxes."""
    network = narrow_detector("scaled")
    heads = heads_of(network)
    optimizer = torch.optim.Adam(heads, lr=0.3)
    for _ in range(150):
        optimizer.zero_grad()
        torch.autograd.backward(total(network, heads, TRUTH))
        optimizer.step()
    boxes, scores = network.decode([head.detach() for head in heads])
    for image, label, truth in zip(TRUTH.images, TRUTH.labels, TRUTH.boxes, strict=True):
        best = scores[image, :, label].argmax()
        kin = TRUTH.boxes[(TRUTH.images == image) & (TRUTH.labels == label)]
        assert box_iou(boxes[image, best], kin).max() > 0.9
        overlap = box_iou(boxes[image], truth)
        assert scores[image, overlap > 0.9, label].max() > 0.8
    far = box_iou(boxes[:, :, None], TRUTH.boxes).amax(2) < 0.1
    assert scores[far].max() < 0.1


def test_a_batch_without_boxes_teaches_emptiness_alone() -> None:
    network = narrow_detector("scaled")
    heads = heads_of(network)
    parts = dense_loss(network, heads, NONE)
    assert parts["box"].item() == parts["classes"].item() == 0
    torch.autograd.backward(total(network, heads, NONE))
    for head in heads:
        assert head.grad is not None
        by_anchor = head.grad.unflatten(1, (3, 7))  # type: ignore[no-untyped-call]
        assert (by_anchor[:, :, 4] > 0).all()
        assert (by_anchor[:, :, :4] == 0).all()


def test_the_order_of_the_targets_does_not_matter() -> None:
    network = narrow_detector("scaled")
    heads = [torch.randn_like(head) for head in heads_of(network)]
    backwards = replace(
        TRUTH,
        images=TRUTH.images.flip(0),
        labels=TRUTH.labels.flip(0),
        boxes=TRUTH.boxes.flip(0),
    )
    for name, value in dense_loss(network, heads, TRUTH).items():
        torch.testing.assert_close(dense_loss(network, heads, backwards)[name], value)


def test_each_cell_counts_the_same_at_every_head() -> None:
    network = narrow_detector("scaled")
    changes = []
    for level in range(3):
        heads = [head.detach() for head in heads_of(network)]
        before = dense_loss(network, heads, NONE)["objectness"]
        heads[level][0, 4, 0, 0] = 5.0
        changes.append((dense_loss(network, heads, NONE)["objectness"] - before).item())
    assert changes == pytest.approx([changes[0]] * 3, rel=1e-3)


def test_an_unknown_loss_is_refused_with_a_list() -> None:
    assert find_loss("dense").decoding == "scaled"
    with pytest.raises(UsageError, match="dense"):
        find_loss("sparse")
