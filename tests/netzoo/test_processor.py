from __future__ import annotations

import copy
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netzoo.backbones._base import LEVELS, Backbone
from netzoo.backbones._registry import backbones, four_levels
from netzoo.fusions._registry import fusions
from netzoo.processor import MultiScaleInputProcessor
from netzoo.zoo.config import MultiscaleConfig
from sizewise.core.errors import UsageError

NAMES = sorted(fusions())
WIDTH = 0.25


def build(config: MultiscaleConfig) -> MultiScaleInputProcessor:
    torch.manual_seed(0)
    return MultiScaleInputProcessor(config, WIDTH, 0.1)


def images(batch: int = 2, height: int = 96, width: int = 64) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scales", [(0.5, 1.0), (0.5, 1.0, 1.5), (0.5, 0.75, 1.0, 1.25, 1.5)])
def test_four_maps_of_the_size_of_1x(name: str, scales: tuple[float, ...]) -> None:
    processor = build(MultiscaleConfig(fusion=name, scales=scales)).eval()
    merged = processor(images())
    assert [m.shape[1] for m in merged] == processor.trunk.channels
    assert [m.shape[2:] for m in merged] == [(96 // s, 64 // s) for s in LEVELS]


@pytest.mark.parametrize("name", NAMES)
def test_one_after_another_is_the_same_as_all_together(name: str) -> None:
    """Results, and gradients of every weight."""
    found = []
    for sequential in (False, True):
        processor = build(MultiscaleConfig(fusion=name)).train()
        processor.sequential = sequential
        merged = processor(images())
        torch.autograd.backward(sum(m.square().mean() for m in merged))
        grads = [p.grad for p in processor.parameters() if p.grad is not None]
        found.append(([m.detach() for m in merged], grads))
    (first, first_grads), (second, second_grads) = found
    torch.testing.assert_close(first, second)
    assert len(first_grads) == len(second_grads) > 0
    torch.testing.assert_close(first_grads, second_grads, atol=1e-5, rtol=1e-3)


def test_what_is_recomputed_is_the_same_and_counts_once_in_batch_norm() -> None:
    found = []
    for checkpointing in (False, True):
        processor = build(MultiscaleConfig(fusion="hierarchical")).train()
        processor.trunk.checkpointing = checkpointing
        merged = processor(images())
        torch.autograd.backward(sum(m.square().mean() for m in merged))
        found.append(
            (
                [m.detach() for m in merged],
                [p.grad for p in processor.parameters()],
                dict(processor.named_buffers()),
            )
        )
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
    norms = [m for m in processor.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.momentum == 0.1 for norm in norms)


class Counting(Backbone):
    """Notes how many images it is given."""

    def __init__(self, inner: Backbone, seen: list[int]) -> None:
        super().__init__()
        self.inner, self.seen = inner, seen
        self.channels = inner.channels

    def forward(self, images: Tensor) -> list[Tensor]:
        self.seen.append(len(images))
        found: list[Tensor] = self.inner(images)
        return found


def counted(processor: MultiScaleInputProcessor) -> list[int]:
    seen: list[int] = []
    processor.trunk.backbones[0] = Counting(processor.trunk.backbone(0), seen)
    return seen


class Wanting(nn.Module):
    """A selector that wants what it is told."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, _images: Tensor) -> Tensor:
        return self.weights


@settings(max_examples=25, deadline=None)
@given(
    wanted=st.lists(
        st.tuples(st.floats(0, 1), st.just(1.0), st.floats(0, 1)), min_size=1, max_size=4
    )
)
def test_adaptive_computes_no_scale_that_an_image_can_do_without(
    wanted: list[tuple[float, float, float]],
) -> None:
    processor = build(MultiscaleConfig(fusion="adaptive")).eval()
    weights = torch.tensor(wanted)
    processor.selector = Wanting(weights)  # type: ignore[assignment]
    batch = images(len(wanted))
    alone = [_one_by_one(processor, batch[[row]], weights[[row]]) for row in range(len(wanted))]
    seen = counted(processor)
    merged = processor(batch)
    needed = [int((weights[:, place] >= 0.5).sum()) for place in range(3)]
    assert Counter(seen) == Counter(count for count in needed if count)
    for level, found in enumerate(merged):
        torch.testing.assert_close(
            found, torch.cat([one[level] for one in alone]), atol=1e-5, rtol=1e-4
        )


def _one_by_one(
    processor: MultiScaleInputProcessor, image: Tensor, weights: Tensor
) -> list[Tensor]:
    """All scales are computed, and those under the threshold weigh nothing."""
    processor.selecting = False
    before = processor.selector
    processor.selector = Wanting(weights * (weights >= 0.5))  # type: ignore[assignment]
    merged: list[Tensor] = processor(image)
    processor.selecting, processor.selector = True, before
    return merged


def test_adaptive_weighs_softly_while_training_and_deployed() -> None:
    processor = build(MultiscaleConfig(fusion="adaptive"))
    seen = counted(processor)
    processor.train()(images())
    assert processor.last_weights is not None
    processor.eval().selecting = False
    processor(images())
    assert seen == [2] * 6
    assert (processor.last_weights[:, 1] == 1).all()


def test_a_network_can_be_copied_between_two_steps_of_its_training() -> None:
    """As a validation does."""
    processor = build(MultiscaleConfig(fusion="adaptive")).train()
    processor(images())
    assert processor.last_weights is not None
    copied = copy.deepcopy(processor)
    assert copied.last_weights is None
    for ours, theirs in zip(copied.parameters(), processor.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_single_computes_one_scale_and_warming_up_does_so_for_every_fusion() -> None:
    single = build(MultiscaleConfig(fusion="single")).eval()
    seen = counted(single)
    single(images())
    assert seen == [2]
    warming = build(MultiscaleConfig(fusion="absi")).eval()
    warming.warming_up = True
    seen = counted(warming)
    merged = warming(images())
    torch.testing.assert_close(merged, warming.trunk(images(), 1))
    assert seen == [2, 2]


def test_each_scale_may_have_a_backbone_of_its_own() -> None:
    config = MultiscaleConfig(fusion="average", backbones=("darknet19", "convnet", "darknet53"))
    processor = build(config).eval()
    channels = [list(processor.trunk.backbone(place).channels[-4:]) for place in range(3)]
    assert channels[0] != channels[1]
    merged = processor(images())
    assert [m.shape[1] for m in merged] == channels[1]
    adapted = [
        not isinstance(next(iter(a.children())), nn.Identity) for a in processor.trunk.adapters
    ]
    assert adapted == [True, False, True]


def test_a_single_scale_of_several_backbones_uses_its_own() -> None:
    config = MultiscaleConfig(fusion="single", backbones=("tiny", "convnet", "tiny"))
    assert len(build(config).trunk.backbones) == 1


def test_the_features_of_every_scale_can_be_looked_at() -> None:
    processor = build(MultiscaleConfig()).eval()
    found = processor.features(images())
    assert list(found) == ["0.5x", "1x", "1.5x"]
    # 96x64 at half is 64x32 (rounded up to the stride), at one and a half 160x96.
    sizes = {"0.5x": (64, 32), "1x": (96, 64), "1.5x": (160, 96)}
    for name, (height, width) in sizes.items():
        assert [m.shape[2:] for m in found[name]] == [(height // s, width // s) for s in LEVELS]


def test_colours_are_brought_to_what_the_backbone_expects() -> None:
    processor = build(MultiscaleConfig(fusion="single", backbones=("resnet18",))).eval()
    backbone = processor.trunk.backbone(0)
    assert backbone.std != (1.0, 1.0, 1.0)
    mean, std = (torch.tensor(x)[:, None, None] for x in (backbone.mean, backbone.std))
    torch.testing.assert_close(processor(images()), backbone((images() - mean) / std)[-4:])


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"fusion": "sum"}, "the fusions here are"),
        ({"scales": (1.0,)}, "only 1 in the list"),
        ({"backbones": ("tiny",)}, "16, 32 pixels per cell"),
        ({"backbones": ("nothing",)}, "the backbones here are"),
    ],
)
def test_what_can_t_be_built_is_refused(config: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        build(MultiscaleConfig(**config))  # type: ignore[arg-type]


def test_backbones_are_one_or_as_many_as_scales() -> None:
    with pytest.raises(UsageError, match="all scales share one"):
        MultiscaleConfig(backbones=("convnet", "convnet"))


def test_all_that_are_said_to_have_four_levels_have_them() -> None:
    for name, entry in backbones().items():
        with torch.device("meta"):
            has_them = tuple(entry.build(0.1, 0.1).strides[-4:]) == LEVELS
        assert (name in four_levels()) == has_them
