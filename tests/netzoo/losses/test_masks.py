from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch import Tensor

from netzoo.losses._registry import Targets, find_loss
from netzoo.losses.masks import class_mask_loss, inconsistency, mask_loss, taken_pixels
from netzoo.networks.multiscale import Multiscale
from netzoo.training.settings import ScaleTraining
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network

NOTHING = torch.empty(0)


def network(fusion: str = "average", scales: tuple[float, ...] = (0.5, 1.0, 1.5)) -> Multiscale:
    torch.manual_seed(0)
    settings = MultiscaleConfig(fusion=fusion, scales=scales)
    config = NetworkConfig(
        name="multiscale", classes=("object",), width=0.25, depth=0.1, multiscale=settings
    )
    built = build_network(config).train()
    assert isinstance(built, Multiscale)
    return built


def targets(batch: int = 2) -> Targets:
    masks = torch.zeros(batch, 1, 64, 64)
    masks[:, :, 16:48, 8:40] = 1
    return Targets(images=NOTHING, labels=NOTHING, boxes=NOTHING, masks=masks)


def parts(
    of: Multiscale, scales: ScaleTraining, heads: list[Tensor] | None = None
) -> dict[str, Tensor]:
    found = heads or of(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3)))
    return find_loss("masks").function(scales)(of, found, targets())


def test_scales_weigh_half_one_half_and_are_reported_one_by_one() -> None:
    segmenter = network()
    heads = segmenter(torch.rand(2, 3, 64, 64))
    found = parts(segmenter, ScaleTraining(), heads)
    assert list(found) == ["mask", "0.5x", "1x", "1.5x"]
    masks = targets().masks
    assert masks is not None
    for name, weight, logits in zip(found, (1, 0.5, 1, 0.5), [None, *heads[1:]], strict=True):
        if logits is not None:
            torch.testing.assert_close(found[name], weight * mask_loss(logits, masks))
    (whole,) = segmenter.decode(heads)
    torch.testing.assert_close(found["mask"], mask_loss(whole, masks))


@given(weights=st.lists(st.floats(0, 3), min_size=3, max_size=3))
@settings(max_examples=10, deadline=None)
def test_any_weights_are_taken(weights: list[float]) -> None:
    segmenter = network()
    heads = segmenter(torch.rand(2, 3, 64, 64))
    plain = parts(segmenter, ScaleTraining(weights=(1, 1, 1)), heads)
    found = parts(segmenter, ScaleTraining(weights=tuple(weights)), heads)
    for name, weight in zip(("0.5x", "1x", "1.5x"), weights, strict=True):
        torch.testing.assert_close(found[name], weight * plain[name])


def test_a_single_scale_has_its_own_weight_and_so_has_warming_up() -> None:
    weights = ScaleTraining(weights=(0.3, 0.8, 0.2), single_scale_steps=5)
    single = network("single")
    assert list(parts(single, weights)) == ["mask", "1x"]
    warming = network("absi")
    warming.begin_step(5, weights)
    found = parts(warming, weights)
    assert list(found) == ["mask", "1x"]
    warming.begin_step(6, weights)
    assert list(parts(warming, weights)) == ["mask", "0.5x", "1x", "1.5x"]


def test_consistency_is_nought_for_equal_masks_alone() -> None:
    own = torch.randn(2, 1, 8, 8)
    assert inconsistency(own, [own.clone(), own, own.clone()]) == 0
    assert inconsistency(own, [own + 1, own]) > 0.05
    found = parts(network(), ScaleTraining(consistency=0.5))
    assert list(found)[-1] == "consistency"


def test_the_price_is_of_the_pixels_that_are_computed() -> None:
    segmenter = network("adaptive")
    nothing_left_out = torch.ones(2, 3)
    assert taken_pixels(segmenter, nothing_left_out) == pytest.approx(1)
    own_alone = torch.tensor([[0.0, 1.0, 0.0]])
    assert taken_pixels(segmenter, own_alone).item() == pytest.approx(1 / (0.25 + 1 + 2.25))
    found = parts(segmenter, ScaleTraining(price=2.0))
    torch.autograd.backward(found["price"])
    selector = segmenter.processor.selector
    assert selector is not None
    assert selector.weigh.bias.grad is not None


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_it_is_cross_entropy_and_iou_as_numpy_has_them(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, 1, 6, 5, generator=generator)
    masks = (torch.rand(3, 1, 6, 5, generator=generator) > 0.6).float()
    probable, truth = logits.sigmoid().double().numpy(), masks.double().numpy()
    entropy = log_loss(truth.ravel(), probable.ravel(), labels=[0, 1])
    overlaps = []
    for one, other in zip(probable, truth, strict=True):
        shared = (one * other).sum()
        overlaps.append((shared + 1) / (one.sum() + other.sum() - shared + 1))
    wanted = entropy + 1 - np.mean(overlaps)
    assert mask_loss(logits, masks).item() == pytest.approx(wanted, rel=1e-4)


def test_right_masks_cost_little_and_wrong_ones_much_with_or_without_objects() -> None:
    for masks in (torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)):
        right = 20 * (2 * masks - 1)
        assert mask_loss(right, masks).item() == pytest.approx(0, abs=1e-4)
        assert mask_loss(-right, masks) > 5


def test_thirty_steps_on_one_batch_halve_the_loss() -> None:
    segmenter = network("hierarchical")
    images = torch.rand(2, 3, 64, 64)
    images[:, :, 16:48, 8:40] += 1
    optimizer = torch.optim.AdamW(segmenter.parameters(), lr=1e-2)
    loss, totals = find_loss("masks").function(ScaleTraining()), []
    for _ in range(30):
        total = torch.stack(list(loss(segmenter, segmenter(images), targets()).values())).sum()
        optimizer.zero_grad()
        torch.autograd.backward(total)
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < totals[0] / 2


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_that_of_classes_is_cross_entropy_and_iou_as_numpy_has_them(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 4, 5, 6, generator=generator)
    channels = torch.randint(0, 3, (2, 1, 5, 6), generator=generator)  # nothing is of the last
    channels[0, 0, 0] = 255
    counted = channels[:, 0].numpy() != 255
    probable = logits.double().softmax(1).movedim(1, -1).numpy()[counted]
    truth = channels[:, 0].numpy()[counted]
    entropy = log_loss(truth, probable, labels=range(4))
    overlaps = []
    for place in np.unique(truth):
        there, found = truth == place, probable[:, place]
        shared = found[there].sum()
        overlaps.append((shared + 1) / (there.sum() + found.sum() - shared + 1))
    wanted = entropy + 1 - np.mean(overlaps)
    assert class_mask_loss(logits, channels.float()).item() == pytest.approx(wanted, rel=1e-4)


def test_pixels_that_are_left_out_teach_nothing_at_any_size() -> None:
    logits = torch.randn(1, 3, 8, 8, requires_grad=True)
    nothing = torch.full((1, 1, 16, 16), 255.0)
    (gradient,) = torch.autograd.grad(class_mask_loss(logits, nothing), logits)
    assert (gradient == 0).all()
    half = nothing.clone()
    half[..., :8] = 1
    (gradient,) = torch.autograd.grad(class_mask_loss(logits, half), logits)
    assert (gradient[..., 4:] == 0).all()
    assert (gradient[..., :4] != 0).any()
