from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.tensorrt.build.profiles import add_profiles, shapes_of
from engines.tensorrt.log import Messages, make_logger
from engines.tensorrt.options import RtxOptions
from sizewise.core.errors import BuildError
from sizewise.core.specs import BatchRange, EngineSpec, ImageInput, Profile, Size, TensorSpec
from tests.engines.tensorrt.build.builds import trt


def image(*, channels_first: bool = True) -> ImageInput:
    shape = ("batch", 3, "height", "width") if channels_first else ("batch", "height", "width", 3)
    tensor = TensorSpec(name="images", dtype="float32", shape=shape)
    return ImageInput(tensor=tensor, channels_first=channels_first)


def spec(
    *profiles: Profile, batch_size: int = 1, batch_range: BatchRange | None = None
) -> EngineSpec:
    return EngineSpec(
        backend="tensorrt_rtx",
        strategy="profiles",
        profiles=profiles,
        batch_size=batch_size,
        batch_range=batch_range,
        options=RtxOptions(),
    )


@pytest.fixture
def library() -> SimpleNamespace:
    """A builder with a configuration and a network of one input, and what it says."""
    messages = Messages()
    builder = trt.Builder(make_logger(trt, messages))
    return SimpleNamespace(
        builder=builder, config=builder.create_builder_config(), messages=messages
    )


def add(library: SimpleNamespace, wanted: EngineSpec) -> None:
    add_profiles(library.builder, library.config, image(), wanted, library.messages)


sides = st.integers(1, 64).map(lambda steps: 32 * steps)


@st.composite
def spans(draw: st.DrawFn) -> Profile:
    heights, widths = (sorted(draw(st.tuples(sides, sides, sides))) for _ in range(2))
    low, tuned, high = (Size(*pair) for pair in zip(heights, widths, strict=True))
    return Profile(min=low, opt=tuned, max=high)


@st.composite
def batches(draw: st.DrawFn) -> tuple[int, BatchRange | None]:
    if draw(st.booleans()):
        return draw(st.integers(1, 16)), None
    least, tuned, most = sorted(draw(st.tuples(*[st.integers(1, 16)] * 3)))
    return tuned, BatchRange(least, most)


@given(spans(), batches(), st.booleans())
def test_shapes_are_those_of_the_profile_and_the_batch_range(
    profile: Profile, batch: tuple[int, BatchRange | None], channels_first: bool
) -> None:
    tuned, batch_range = batch
    wanted = spec(profile, batch_size=tuned, batch_range=batch_range)
    low, opt, high = shapes_of(image(channels_first=channels_first), wanted, profile)["images"]
    places = (0, 2, 3) if channels_first else (0, 1, 2)
    ends = batch_range or BatchRange(tuned, tuned)
    for shape, count, size in (
        (low, ends.min, profile.min),
        (opt, tuned, profile.opt),
        (high, ends.max, profile.max),
    ):
        assert tuple(shape[place] for place in places) == (count, size.height, size.width)
        assert shape[1 if channels_first else 3] == 3


def test_an_engine_of_one_size_and_batch_has_one_shape() -> None:
    fixed = Profile.fixed(Size(64, 96))
    assert set(shapes_of(image(), spec(fixed, batch_size=2), fixed)["images"]) == {(2, 3, 64, 96)}


@given(st.lists(spans(), min_size=1, max_size=4), batches())
def test_the_library_takes_what_lies_in_order_and_keeps_the_order_of_profiles(
    profiles: list[Profile], batch: tuple[int, BatchRange | None]
) -> None:
    messages = Messages()
    builder = trt.Builder(make_logger(trt, messages))
    made: list[Any] = []

    def create() -> Any:
        made.append(builder.create_optimization_profile())
        return made[-1]

    config = builder.create_builder_config()
    wanted = spec(*profiles, batch_size=batch[0], batch_range=batch[1])
    add_profiles(
        SimpleNamespace(create_optimization_profile=create), config, image(), wanted, messages
    )
    assert config.num_optimization_profiles == len(profiles)
    for profile, ours in zip(made, profiles, strict=True):
        found = tuple(tuple(shape) for shape in profile.get_shape("images"))
        assert found == shapes_of(image(), wanted, ours)["images"]


LOW, MIDDLE, HIGH = Size(64, 64), Size(96, 96), Size(128, 128)
WRONG = {
    "least above tuned": spec(Profile(min=MIDDLE, opt=LOW, max=HIGH)),
    "tuned above largest": spec(Profile(min=LOW, opt=HIGH, max=MIDDLE)),
    "batch below its range": spec(
        Profile.fixed(LOW), batch_size=1, batch_range=BatchRange(min=2, max=4)
    ),
    "the second": spec(Profile.fixed(LOW), Profile(min=MIDDLE, opt=LOW, max=HIGH)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_the_library_does_not_take_is_said_in_its_own_words(
    library: SimpleNamespace, case: str
) -> None:
    library.messages.add("ERROR", "of something before")
    with pytest.raises(BuildError, match="satisfy MIN<=OPT<=MAX") as failure:
        add(library, WRONG[case])
    assert failure.value.reason_code == "unsupported_size"
    refused = WRONG[case].profiles[-1]
    assert failure.value.what.endswith(f"the profile {refused}")
    assert "before" not in failure.value.why
    assert "lie between" in failure.value.todo
