"""Each paper's loss against a reading of it in loops, and what none of them may do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netzoo.decoding.boxes import split_anchors
from netzoo.losses._levels import match_levels
from netzoo.losses._registry import Targets, find_loss
from netzoo.losses._scaled import scaled_loss
from netzoo.losses.paper import paper_loss
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, build_network, networks
from tests.netzoo.losses.reading import (
    REGION,
    REGION_TINY,
    YOLOV3,
    YOLOV4,
    YOLOV4_TINY,
    Head,
    Truth,
    darknet_box,
    read_loss,
)
from tests.netzoo.losses.reading_scaled import read_scaled_loss

CLASSES = ("cat", "dog", "cow")
IMAGES = 2
DETECTORS = [name for name, entry in sorted(networks().items()) if entry.design]
DARKNET = {
    "yolov2": REGION,
    "yolov2-voc": REGION,
    "yolov2-tiny": REGION_TINY,
    "yolo9000": REGION,
    "yolov3": YOLOV3,
    "yolov3-tiny": YOLOV3,
    "yolov4": YOLOV4,
    "yolov4-tiny": YOLOV4_TINY,
}
SCALED = {
    "yolov4-csp": (4, 1, 0.4),
    "yolov4-p5": (4, 1, 0.4),
    "yolov4-p6": (4, 1, 0.4, 0.1),
    "yolov4-p7": (4, 1, 0.5, 0.4, 0.1),
}


@cache
def network(name: str, loss: str = "paper") -> AnchorDetector:
    found = build_network(
        NetworkConfig(
            name=name,
            classes=CLASSES,
            width=0.0625,
            depth=0.1,
            decoding=find_loss(loss).decoding,
        )
    )
    assert isinstance(found, AnchorDetector)
    return found


def size(name: str) -> tuple[int, int]:
    """Height and width: not square."""
    stride = max(network(name).strides)
    return 2 * stride, 3 * stride


def random_heads(name: str, seed: int, spread: float = 1.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    height, width = size(name)
    channels = network(name).anchors.shape[1] * (5 + len(CLASSES))
    shapes = [(IMAGES, channels, height // s, width // s) for s in network(name).strides]
    return [(torch.randn(shape, generator=generator) * spread).requires_grad_() for shape in shapes]


def as_targets(truths: Sequence[Truth]) -> Targets:
    return Targets(
        images=torch.tensor([t.image for t in truths], dtype=torch.long),
        labels=torch.tensor([t.label for t in truths], dtype=torch.long),
        boxes=torch.tensor([t.box for t in truths], dtype=torch.float32).view(-1, 4),
    )


def as_read(name: str, heads: Sequence[Tensor]) -> list[Head]:
    found = network(name)
    return [
        Head(
            raw=split_anchors(head, len(mask)).detach().double().numpy(),
            anchors=anchors.tolist(),
            mask=mask,
            stride=stride,
        )
        for head, mask, anchors, stride in zip(
            heads, found.masks, found.anchors, found.strides, strict=True
        )
    ]


@st.composite
def truths_in(draw: st.DrawFn, name: str) -> list[Truth]:
    """Whole pixels, up to the border and beyond it, some without extent; often several alike."""
    height, width = size(name)
    found = []
    for _ in range(draw(st.integers(0, 5))):
        x, y = draw(st.integers(-8, width)), draw(st.integers(-8, height))
        w, h = draw(st.integers(0, width)), draw(st.integers(0, height))
        found.append(
            Truth(
                image=draw(st.integers(0, IMAGES - 1)),
                label=draw(st.integers(0, len(CLASSES) - 1)),
                box=(x, y, x + w, y + h),
            )
        )
    return found + [
        Truth(image=t.image, label=draw(st.integers(0, len(CLASSES) - 1)), box=t.box)
        for t in found[: draw(st.integers(0, 2))]
    ]


@st.composite
def truths_near(draw: st.DrawFn, head: Head) -> list[Truth]:
    """Boxes that predictions lie well on, though another cell may have to answer for them."""
    found = []
    for cell in draw(st.lists(st.sampled_from(head.cells()), max_size=6)):
        x0, y0, x1, y1 = map(round, darknet_box(head, cell))
        shift = draw(st.integers(-9, 9))
        found.append(Truth(image=cell[0], label=0, box=(x0 + shift, y0, x1 + shift, y1)))
    return found


@pytest.mark.parametrize("name", DARKNET)
@settings(max_examples=12, deadline=None)
@given(st.data(), st.integers(0, 2**31))
def test_darknets_losses_and_their_gradients_are_as_read(
    name: str, data: st.DataObject, seed: int
) -> None:
    heads = random_heads(name, seed)
    truths = data.draw(truths_in(name)) + data.draw(truths_near(as_read(name, heads)[0]))
    parts = paper_loss(network(name), heads, as_targets(truths))
    read = read_loss(as_read(name, heads), truths, network(name).config.anchors, DARKNET[name])
    for part, value in parts.items():
        assert value.item() * IMAGES == pytest.approx(getattr(read, part), rel=1e-4, abs=1e-4)
    torch.autograd.backward(torch.stack(list(parts.values())).sum())
    first = 4 if DARKNET[name] in (YOLOV4, YOLOV4_TINY) else 0
    for head, slopes in zip(heads, read.slopes, strict=True):
        assert head.grad is not None
        found = split_anchors(head.grad, slopes.shape[1]).numpy() * IMAGES
        np.testing.assert_allclose(found[:, :, first:], slopes[:, :, first:], rtol=1e-3, atol=1e-4)


def test_anchors_answer_in_the_heads_that_the_masks_give_them_to() -> None:
    """Published yolov3-tiny.weights were trained with masks that its configuration has not."""
    found = build_network(
        NetworkConfig(
            name="yolov3-tiny", classes=CLASSES, width=0.0625, masks=((3, 4, 5), (1, 2, 3))
        )
    )
    assert isinstance(found, AnchorDetector)
    heads = found(torch.zeros(1, 3, 64, 96))
    for number, (width, height) in enumerate(found.config.anchors):
        box = (32 - width / 2, 32 - height / 2, 32 + width / 2, 32 + height / 2)
        levels = match_levels(found, heads, as_targets([Truth(0, 0, box)]))
        answered = [level.anchors[level.slots[1]].tolist() for level in levels]
        held = [number in mask for mask in ((3, 4, 5), (1, 2, 3))]
        assert answered == [[[width, height]] if has else [] for has in held]


@pytest.mark.parametrize("name", SCALED)
@settings(max_examples=6, deadline=None)
@given(st.data(), st.integers(0, 2**31))
def test_the_loss_of_scaled_yolov4_is_as_read(name: str, data: st.DataObject, seed: int) -> None:
    truths, heads = data.draw(truths_in(name)), random_heads(name, seed)
    parts = scaled_loss(network(name), heads, as_targets(truths))
    box, objectness, classes = read_scaled_loss(as_read(name, heads), truths, SCALED[name])
    share = 3 / len(heads)
    more = 1.4 if len(heads) > 3 else 1.0
    expected = {"box": share * box, "objectness": more * share * objectness}
    for part, value in {**expected, "classes": share * classes}.items():
        assert parts[part].item() == pytest.approx(value, rel=1e-4, abs=1e-5)


TRUTHS = as_targets(
    [
        Truth(0, 0, (10, 12, 40, 60)),
        Truth(0, 1, (10, 12, 40, 60)),
        Truth(1, 2, (0, 0, 64, 64)),
        Truth(1, 2, (-10, 20, 10, 20)),
        Truth(1, 1, (90, 60, 102, 68)),
    ]
)
EVERY = [(name, loss) for name in DETECTORS for loss in networks()[name].losses]


@pytest.mark.parametrize(("name", "loss"), EVERY)
@pytest.mark.parametrize("spread", [30.0, 1e4])
def test_huge_raw_numbers_give_numbers(name: str, loss: str, spread: float) -> None:
    heads = random_heads(name, seed=1, spread=spread)
    parts = find_loss(loss).compute(network(name, loss), heads, TRUTHS)
    total = torch.stack(list(parts.values())).sum()
    torch.autograd.backward(total)
    assert total.isfinite()
    assert all(head.grad is not None and head.grad.isfinite().all() for head in heads)


@pytest.mark.parametrize(("name", "loss"), EVERY)
def test_a_batch_without_boxes_teaches_emptiness_alone(name: str, loss: str) -> None:
    heads = random_heads(name, seed=2)
    parts = find_loss(loss).compute(network(name, loss), heads, as_targets([]))
    assert parts["box"].item() == parts["classes"].item() == 0
    torch.autograd.backward(torch.stack(list(parts.values())).sum())
    for head in heads:
        assert head.grad is not None
        slopes = split_anchors(head.grad, network(name).anchors.shape[1])
        assert (slopes[:, :, 4] > 0).all()
        assert (slopes[:, :, :4] == 0).all()
        assert (slopes[:, :, 5:] == 0).all()


@pytest.mark.parametrize(("name", "loss"), EVERY)
def test_every_tensor_is_made_on_the_device_of_the_heads(name: str, loss: str) -> None:
    """What is made without naming a device would lie on the default one, and not go together."""
    heads = random_heads(name, seed=3)
    expected = find_loss(loss).compute(network(name, loss), heads, TRUTHS)
    with torch.device("meta"):
        found = find_loss(loss).compute(network(name, loss), heads, TRUTHS)
    assert {part: value.item() for part, value in found.items()} == {
        part: value.item() for part, value in expected.items()
    }
