"""Sizes and arrays that an engine was not built for are refused, with what it takes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.inputs import check_inputs, check_size, demand_size
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import BatchRange, BuiltEngine, EngineSpec, ExportedModel, Profile, Size
from tests.engines.nets import unwritten_net


def engine(model: ExportedModel, batches: BatchRange | None = None) -> BuiltEngine:
    profile = Profile(min=Size(64, 64), opt=Size(64, 96), max=Size(96, 128))
    return BuiltEngine(
        path=Path("engine"),
        model_sha256=model.sha256,
        image=model.image,
        outputs=model.outputs,
        card=model.card,
        spec=EngineSpec(
            backend="fake", strategy="dynamic", profiles=(profile,), batch_range=batches
        ),
    )


def refusal(model: ExportedModel, size: Size) -> EngineMismatchError:
    with pytest.raises(EngineMismatchError) as caught:
        demand_size("net.onnx", model.image, model.card, 1, size)
    assert caught.value.reason_code == "unsupported_size"
    return caught.value


@given(
    st.builds(Size, st.integers(1, 2000), st.integers(1, 2000)),
    st.sampled_from([2, 8, 32, 64]),
)
def test_the_sizes_named_in_a_refusal_are_good_and_the_nearest(size: Size, stride: int) -> None:
    model = unwritten_net(stride)
    if size.height % stride == 0 and size.width % stride == 0:
        demand_size("net.onnx", model.image, model.card, 1, size)
        return
    named = [Size.parse(text) for text in re.findall(r"\d+x\d+", refusal(model, size).todo)]
    assert named
    for good in named:
        demand_size("net.onnx", model.image, model.card, 1, good)
        assert abs(good.height - size.height) < stride
        assert abs(good.width - size.width) < stride


@given(side=st.integers(1, 40), strides=st.integers(1, 4))
def test_a_size_below_the_smallest_is_refused_with_the_smallest(side: int, strides: int) -> None:
    model = unwritten_net(8)
    model = replace(model, card=replace(model.card, smallest=8 * strides))
    size = Size(8 * side, 8 * strides)
    if side >= strides:
        demand_size("net.onnx", model.image, model.card, 1, size)
        return
    found = refusal(model, size)
    assert f"at least {8 * strides}" in found.why
    assert f"{8 * strides}x{8 * strides}" in found.todo


def test_an_engine_takes_the_sizes_of_its_profile_and_names_them_otherwise() -> None:
    built = engine(unwritten_net())
    for size in built.spec.sizes:
        check_size(built, size)
    with pytest.raises(EngineMismatchError, match="built for 64x64–96x128"):
        check_size(built, Size(128, 128))


@pytest.mark.parametrize(
    ("shape", "dtype", "why"),
    [
        ((1, 3, 64, 96), "float64", "float32, not float64"),
        ((3, 64, 96), "float32", "4 dimensions, not 3"),
        ((1, 1, 64, 96), "float32", "not (1, 1, 64, 96)"),
        ((5, 3, 64, 96), "float32", "(batches of 1 to 4)"),
        ((1, 3, 64, 256), "float32", "built for 64x64–96x128"),
    ],
)
def test_an_array_that_does_not_fit_is_refused_with_what_does(
    shape: tuple[int, ...], dtype: str, why: str
) -> None:
    built = engine(unwritten_net(), BatchRange(1, 4))
    with pytest.raises(EngineMismatchError, match=re.escape(why)):
        check_inputs(built, {"images": np.zeros(shape, dtype)})
    with pytest.raises(EngineMismatchError, match="it takes the input images, not pixels"):
        check_inputs(built, {"pixels": np.zeros((1, 3, 64, 96), np.float32)})


def test_what_fits_is_taken_in_place_unless_its_memory_is_in_pieces() -> None:
    built = engine(unwritten_net(), BatchRange(1, 4))
    whole = np.zeros((2, 3, 64, 96), np.float32)
    assert check_inputs(built, {"images": whole})[0] is whole
    taken, _ = check_inputs(built, {"images": np.zeros((2, 3, 128, 96), np.float32)[:, :, ::2]})
    assert taken.flags.c_contiguous
