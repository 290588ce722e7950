"""Sizes, profiles and image inputs."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.training.settings import TrainingSettings
from sizewise.core import codec
from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import (
    Achieved,
    Dimension,
    ExportedModel,
    ImageInput,
    LayerPrecision,
    ModelCard,
    Profile,
    Size,
    Sizes,
    TensorSpec,
)

sides = st.integers(1, 5000)
some_sizes = st.builds(Size, sides, sides)


@given(some_sizes)
def test_a_size_reads_what_it_writes(size: Size) -> None:
    assert Size.parse(str(size)) == size


def test_one_number_is_a_square_and_height_comes_first() -> None:
    assert Size.parse("416") == Size(416, 416)
    assert Size.parse("384x640") == Size(height=384, width=640)


@given(st.integers(1, 100), st.integers(0, 30), st.integers(1, 64))
def test_a_range_has_both_ends(first: int, steps: int, step: int) -> None:
    last = first + steps * step
    found = Sizes.parse(f"{first}:{last}:{step}")
    assert (found[0].height, found[-1].height, len(found)) == (first, last, steps + 1)


def test_320_to_608_in_steps_of_32_is_ten_sizes() -> None:
    assert len(Sizes.parse("320:608:32")) == 10


def test_a_list_keeps_its_order_and_each_size_once() -> None:
    assert Sizes.parse("416, 320:416:96,64x32") == (Size(416, 416), Size(320, 320), Size(64, 32))


@pytest.mark.parametrize(
    "text",
    ["", "big", "0", "320x", "-1", "320:300:32", "320:400:32", "1:2:0", "1:2"],
)
def test_what_is_no_size_is_a_usage_error_that_shows_how(text: str) -> None:
    with pytest.raises(UsageError, match=r"416|320:896:64"):
        Sizes.parse(text)


def test_more_sizes_than_the_limit_name_what_raises_it() -> None:
    with pytest.raises(UsageError, match=r"100,000,000 sizes.*Set the variable SIZEWISE_MAX_SIZES"):
        Sizes.parse("1:100000000:1")


@given(st.lists(st.one_of(some_sizes, sides, some_sizes.map(str)), min_size=1))
def test_sizes_given_as_values_are_those_of_their_joined_text(
    given: list[Size | int | str],
) -> None:
    sizes = Sizes.parse(given)
    assert sizes == Sizes.parse(",".join(map(str, given)))
    assert Sizes.parse(sizes.text) == sizes


@pytest.mark.parametrize("text", ["416", "320:640:160", "320:640:160, 64x32,320"])
def test_sizes_keep_the_text_of_the_user(text: str) -> None:
    sizes = Sizes.parse(text)
    assert (sizes.text, str(sizes)) == (text, text)
    assert Sizes.parse(sizes) is sizes
    assert (pickle.loads(pickle.dumps(sizes)).text, copy.deepcopy(sizes).text) == (text, text)


def test_sizes_are_serialised_as_the_plain_tuple_of_them() -> None:
    sizes = Sizes.parse("320:640:160")
    assert sizes == tuple(sizes)
    assert hash(sizes) == hash(tuple(sizes))
    assert codec.to_json(sizes) == codec.to_json(tuple(sizes))
    assert codec.to_plain(sizes) == codec.to_plain(tuple(sizes))
    options = TrainingSettings(sizes=sizes)
    assert codec.from_json(codec.to_json(options), TrainingSettings) == options


def test_no_size_at_all_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="No size was given"):
        Sizes.parse([])


@given(st.lists(some_sizes, min_size=1))
def test_a_spanning_profile_admits_all_it_spans(sizes: list[Size]) -> None:
    profile = Profile.spanning(sizes)
    assert all(profile.admits(size) for size in sizes)
    assert profile.opt in sizes


@given(some_sizes, some_sizes)
def test_a_fixed_profile_admits_its_size_alone(size: Size, other: Size) -> None:
    assert Profile.fixed(size).admits(other) == (size == other)


def _model(*shapes: tuple[Dimension, ...]) -> ExportedModel:
    inputs = tuple(TensorSpec(name=f"x{i}", dtype="float32", shape=s) for i, s in enumerate(shapes))
    card = ModelCard(network="any")
    return ExportedModel(
        path=Path("any.onnx"), sha256="", card=card, opset_version=20, inputs=inputs, outputs=()
    )


@pytest.mark.parametrize(
    ("shape", "channels_first"),
    [
        (("b", 3, "h", "w"), True),
        (("b", 1, 416, 416), True),
        (("b", "h", "w", 3), False),
        ((1, 640, 640, 3), False),
        (("b", "c", "h", "w"), True),
    ],
)
def test_the_image_input_knows_its_axes(shape: tuple[Dimension, ...], channels_first: bool) -> None:
    image = _model(shape).image
    assert image.channels_first is channels_first
    wanted = image.shape(2, Size(64, 96))
    assert (wanted[image.height_axis], wanted[image.width_axis]) == (64, 96)


def test_a_fixed_dimension_is_named_in_the_refusal() -> None:
    image = _model((1, 3, 416, "w")).image
    assert "height is fixed to 416" in image.refusal(1, Size(320, 320))
    assert "batch is fixed to 1" in image.refusal(2, Size(416, 320))
    assert image.refusal(1, Size(416, 320)) == ""


@pytest.mark.parametrize("shapes", [(), ((1, 10),), ((1, 10), (1, 2, 3))])
def test_a_model_without_an_image_input_is_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(InputError, match="4-D image"):
        _ = _model(*shapes).image


def test_what_an_engine_runs_in_is_counted_or_unknown_with_a_reason() -> None:
    conv = LayerPrecision(name="a", kind="Conv", precision="bf16")
    decode = LayerPrecision(name="b", kind="Mul", precision="fp32")
    assert Achieved(layers=(conv,)).summary == "bf16"
    head = LayerPrecision(name="c", kind="Convolution", precision="fp32")
    assert Achieved(layers=(decode, conv, conv)).summary == "bf16"
    assert Achieved(layers=(decode, conv, head, conv)).summary == "bf16 2, fp32 1"
    assert Achieved(layers=(decode,)).summary == "fp32"
    assert Achieved(reason="built, not run").summary == "unknown (built, not run)"


@given(st.integers(1, 5000), st.integers(1, 128))
def test_rounding_up_gives_the_least_multiple_that_is_no_smaller(side: int, stride: int) -> None:
    found = ModelCard(network="net", stride=stride).round_up(side)
    assert found % stride == 0
    assert side <= found < side + stride


@given(some_sizes, st.integers(1, 8), st.booleans())
def test_the_size_of_a_shape_is_the_one_it_was_made_of(size: Size, batch: int, last: bool) -> None:
    free: tuple[Dimension, ...] = ("b", "h", "w", 3) if last else ("b", 3, "h", "w")
    image = ImageInput(
        tensor=TensorSpec(name="images", dtype="float32", shape=free), channels_first=not last
    )
    shape = image.shape(batch, size)
    assert image.size_of(shape) == size
    assert (image.fixed_batch, image.fixed_size) == (None, None)
    fixed = replace(image, tensor=replace(image.tensor, shape=shape))
    assert (fixed.fixed_batch, fixed.fixed_size) == (batch, size)
    assert (fixed.fixed_height, fixed.fixed_width) == (size.height, size.width)
    assert fixed.refuses_pictures == ""
    assert "int64" in replace(fixed, tensor=replace(fixed.tensor, dtype="int64")).refuses_pictures


def test_a_profile_is_written_as_its_size_or_from_one_to_the_other() -> None:
    small, large = Size(64, 96), Size(128, 96)
    assert str(Profile.fixed(small)) == "64x96"
    assert str(Profile.spanning([small, large])) == "64x96–128x96"
    assert Profile(min=small, opt=large, max=large).sizes == (small, large)
