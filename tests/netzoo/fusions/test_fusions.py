"""What every fusion must do, and what each promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netzoo.fusions._registry import Fusion, find_fusion, fusions
from netzoo.fusions.absi import Absi
from netzoo.fusions.deformable import Deformable, shifted
from sizewise.core.errors import UsageError

CHANNELS = 16
Build = Callable[[int], Fusion]


def build(name: str, scales: int, reference: int = 0) -> Fusion:
    torch.manual_seed(0)
    return find_fusion(name).build(CHANNELS, scales, reference).eval()


def maps(scales: int, rows: int = 5, columns: int = 7, batch: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(scales)
    return [torch.randn(batch, CHANNELS, rows, columns, generator=generator) for _ in range(scales)]


def weights_for(name: str, scales: int, batch: int = 2) -> Tensor | None:
    return torch.rand(batch, scales) + 0.1 if find_fusion(name).weighs else None


MERGING = sorted(name for name, entry in fusions().items() if not entry.single)
LEARNING = [name for name in MERGING if any(True for _ in build(name, 2).parameters())]


def test_all_that_the_zoo_promises_are_there() -> None:
    named = {"single", "concat", "average", "absi", "hierarchical", "adaptive", "deformable"}
    assert named <= fusions().keys()
    with pytest.raises(UsageError, match="absi, adaptive"):
        find_fusion("sum")


@pytest.mark.parametrize("scales", [2, 3, 4, 5])
@pytest.mark.parametrize("name", MERGING)
def test_any_number_of_scales_gives_one_map_of_the_same_shape(name: str, scales: int) -> None:
    given_maps = maps(scales)
    merged = build(name, scales, scales // 2)(given_maps, weights_for(name, scales))
    assert merged.shape == given_maps[0].shape
    assert merged.isfinite().all()


@pytest.mark.parametrize("name", MERGING)
def test_every_scale_counts(name: str) -> None:
    fusion, given_maps, weights = build(name, 3, 1), maps(3), weights_for(name, 3)
    before = fusion(given_maps, weights)
    for place in range(3):
        changed = [each + 1.0 * (number == place) for number, each in enumerate(given_maps)]
        assert not torch.allclose(fusion(changed, weights), before, atol=1e-4)


@pytest.mark.parametrize("name", LEARNING)
def test_every_weight_learns(name: str) -> None:
    fusion = build(name, 3, 1).train()
    weights = weights_for(name, 3)
    target = torch.randn(2, CHANNELS, 5, 7)
    torch.autograd.backward(((fusion(maps(3), weights) - target) ** 2).sum())
    for parameter_name, parameter in fusion.named_parameters():
        # An attention's softmax does not see a number that all keys share.
        if not parameter_name.startswith("keys") or parameter_name.endswith("weight"):
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.abs().max() > 0, parameter_name


def test_single_is_the_map_at_1x() -> None:
    (only,) = maps(1)
    assert build("single", 1)([only]) is only


@settings(deadline=None)
@given(scales=st.integers(2, 5))
def test_the_average_of_equal_maps_is_that_map(scales: int) -> None:
    equal = [maps(1)[0]] * scales
    torch.testing.assert_close(build("average", scales)(equal), equal[0])


@settings(deadline=None)
@given(scales=st.integers(2, 5), data=st.data())
def test_adaptive_is_the_mean_by_weights(scales: int, data: st.DataObject) -> None:
    shares = data.draw(st.lists(st.floats(0.01, 1), min_size=scales, max_size=scales))
    given_maps = maps(scales, batch=1)
    merged = build("adaptive", scales)(given_maps, torch.tensor([shares]))
    wanted = sum(share * each for share, each in zip(shares, given_maps, strict=True)) / sum(shares)
    torch.testing.assert_close(merged, wanted, atol=1e-5, rtol=1e-5)


class GuidesAbsi(nn.Module):
    """As the guide draws it: sequences of N tokens, one for each position, through
    ``nn.MultiheadAttention``, an output projection, and the residual."""

    def __init__(self, absi: Absi, scales: int) -> None:
        super().__init__()
        self.absi = absi
        self.attention = nn.MultiheadAttention(CHANNELS, 1, batch_first=True)

    def forward(self, given_maps: list[Tensor]) -> Tensor:
        batch, channels, rows, columns = given_maps[0].shape
        absi, scales = self.absi, len(given_maps)
        tokens = [
            torch.stack(
                [
                    project(each).flatten(2).transpose(1, 2).reshape(-1, channels)
                    for project, each in zip(projections, given_maps, strict=True)
                ],
                1,
            )
            for projections in (absi.queries, absi.keys, absi.values)
        ]
        attended, _ = self.attention(*tokens)
        importance = absi.weigh(given_maps).flatten(1)
        by_position = importance.repeat_interleave(rows * columns, 0)
        summed = (by_position[:, :, None] * attended).sum(1)
        image = summed.reshape(batch, rows, columns, channels).permute(0, 3, 1, 2)
        projected: Tensor = absi.projection(image) + given_maps[absi.reference]
        assert scales == len(absi.queries)
        return projected


def as_channels(guides: GuidesAbsi, scales: int) -> Absi:
    """The weights of ``nn.MultiheadAttention`` put into the convolutions before and after it."""
    attention, old = guides.attention, guides.absi
    ours = Absi(CHANNELS, scales, old.reference)
    ours.load_state_dict(old.state_dict())
    kernels = attention.in_proj_weight.chunk(3)
    biases = attention.in_proj_bias.chunk(3)
    parts = zip((ours.queries, ours.keys, ours.values), kernels, biases, strict=True)
    with torch.no_grad():
        for projections, kernel, bias in parts:
            for projection in projections:
                _compose(projection, kernel, bias)
        last = ours.projection
        outer = last.get_parameter("weight").flatten(1)
        shift = outer @ attention.out_proj.bias + last.get_parameter("bias")
        last.get_parameter("weight").copy_((outer @ attention.out_proj.weight)[..., None, None])
        last.get_parameter("bias").copy_(shift)
    return ours.eval()


def _compose(projection: nn.Module, kernel: Tensor, bias: Tensor) -> None:
    inner = projection.get_parameter("weight").flatten(1)
    projection.get_parameter("bias").copy_(kernel @ projection.get_parameter("bias") + bias)
    projection.get_parameter("weight").copy_((kernel @ inner)[..., None, None])


@settings(max_examples=12, deadline=None)
@given(scales=st.integers(2, 5), rows=st.integers(1, 6), seed=st.integers(0, 99))
def test_absi_is_multihead_attention_over_the_scales_of_a_position(
    scales: int, rows: int, seed: int
) -> None:
    torch.manual_seed(seed)
    guides = GuidesAbsi(Absi(CHANNELS, scales, scales // 2), scales).eval()
    nn.init.normal_(guides.attention.in_proj_bias)
    nn.init.normal_(guides.attention.out_proj.bias)
    given_maps = maps(scales, rows=rows)
    with torch.inference_mode():
        wanted, found = guides(given_maps), as_channels(guides, scales)(given_maps)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(scales=st.integers(2, 5), seed=st.integers(0, 99))
def test_absi_folded_gives_the_same(scales: int, seed: int) -> None:
    torch.manual_seed(seed)
    absi, given_maps = Absi(CHANNELS, scales, 1).eval(), maps(scales)
    with torch.inference_mode():
        before = absi(given_maps)
        absi.fold()
        absi.fold()  # a second time changes nothing
        torch.testing.assert_close(absi(given_maps), before, atol=1e-5, rtol=1e-5)
    assert isinstance(absi.projection, nn.Identity)


def test_absi_weighs_scales_by_what_is_in_them() -> None:
    absi = build("absi", 3, 1)
    assert isinstance(absi, Absi)
    importance = absi.weigh(maps(3))
    assert importance.shape == (2, 3, 1, 1)
    torch.testing.assert_close(importance.sum(1), torch.ones(2, 1, 1))
    assert not torch.allclose(importance[0], importance[1])


@settings(deadline=None)
@given(right=st.integers(-3, 3), down=st.integers(-2, 2))
def test_a_whole_offset_is_a_shift(right: int, down: int) -> None:
    values = maps(1, rows=9, columns=11)[0]
    offsets = torch.tensor([right, down], dtype=torch.float32)[None, :, None, None]
    moved = shifted(values, offsets.expand(2, 2, 9, 11))
    rows = (torch.arange(9) + down).clamp(0, 8)
    columns = (torch.arange(11) + right).clamp(0, 10)
    torch.testing.assert_close(moved, values[:, :, rows][..., columns], atol=1e-4, rtol=1e-4)


def test_deformable_begins_as_the_mean_through_a_convolution() -> None:
    fusion, given_maps = build("deformable", 3, 1), maps(3)
    assert isinstance(fusion, Deformable)
    wanted = fusion.mix(torch.stack(given_maps).mean(0))
    torch.testing.assert_close(fusion(given_maps), wanted, atol=1e-4, rtol=1e-4)
