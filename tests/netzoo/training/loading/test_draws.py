from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.training.augmenting.settings import PRESETS
from netzoo.training.loading.draws import (
    Stream,
    batches_of,
    changes_at,
    image_at,
    images_at,
    size_at,
)
from netzoo.training.ranges import RANGES, usual_sizes
from netzoo.training.settings import TrainingSettings
from netzoo.zoo.network import networks
from reports.published.table import read_published
from sizewise.core.specs import Size, Sizes

SIZES = Sizes.parse("64:320:32")
SETTINGS = TrainingSettings(steps=1000, batch_size=8, sizes=SIZES, threads=1)
SEEDS = st.integers(0, 2**31)


@given(seed=SEEDS, count=st.integers(1, 50), epoch=st.integers(0, 5))
def test_each_image_comes_once_an_epoch(seed: int, count: int, epoch: int) -> None:
    places = range(epoch * count, (epoch + 1) * count)
    drawn = [image_at(place, count, stream=Stream.BOXED, seed=seed) for place in places]
    assert sorted(drawn) == list(range(count))


@given(seed=SEEDS, every=st.integers(1, 10), step=st.integers(0, 980))
def test_a_size_stays_for_as_many_steps_as_are_wanted(seed: int, every: int, step: int) -> None:
    settings = replace(SETTINGS, size_every=every, seed=seed)
    first = step - step % every
    drawn = {size_at(first + n, settings) for n in range(every)}
    assert len(drawn) == 1
    assert drawn <= set(SIZES)


def test_epochs_and_kinds_have_orders_of_their_own() -> None:
    orders = {
        tuple(image_at(place, 20, stream=stream, seed=0) for place in range(start, start + 20))
        for stream in (Stream.BOXED, Stream.WHOLE)
        for start in (0, 20, 40)
    }
    assert len(orders) == 6


def test_all_sizes_come_and_the_last_steps_have_the_largest() -> None:
    settings = replace(SETTINGS, final_steps=100)
    sizes = [size_at(step, settings) for step in range(1000)]
    assert set(sizes[:900]) == set(SIZES)
    assert set(sizes[900:]) == {Size(320, 320)}


@pytest.mark.parametrize("name", PRESETS)
def test_in_the_last_steps_no_image_is_made_of_others(name: str) -> None:
    preset = PRESETS[name]
    settings = replace(SETTINGS, steps=10, final_steps=3, augmentation=preset)
    found = [changes_at(step, settings) for step in range(10)]
    assert found[:7] == [preset] * 7
    if preset is None:
        assert found[7:] == [None] * 3
        return
    alone = replace(preset, mosaic=0.0, mix_up=0.0, copy_paste=0.0)
    assert found[7:] == [alone] * 3
    assert [changes_at(step, replace(settings, final_steps=0)) for step in range(10)] == [
        preset
    ] * 10


@given(batch=st.integers(1, 64), every=st.integers(1, 10))
def test_batches_of_all_sizes_have_about_as_many_pixels(batch: int, every: int) -> None:
    settings = replace(SETTINGS, batch_size=batch, level=True, size_every=every)
    mean = batch * sum(size.pixels for size in SIZES) / len(SIZES)
    for size in SIZES:
        count = images_at(size, settings)
        assert count == 1 or abs(count * size.pixels - mean) <= size.pixels / 2
        assert images_at(size, replace(settings, level=False)) == batch


@given(done=st.integers(0, 40), accumulate=st.integers(1, 3), level=st.booleans(), seed=SEEDS)
def test_what_is_left_is_the_rest_of_the_whole(
    done: int, accumulate: int, *, level: bool, seed: int
) -> None:
    settings = replace(SETTINGS, steps=40, accumulate=accumulate, level=level, seed=seed)
    whole = list(batches_of(settings))
    assert list(batches_of(settings, done)) == whole[done * accumulate :]
    ends = [draw.places.stop for draw in whole]
    assert [draw.places.start for draw in whole] == [0, *ends[:-1]]  # none is left out


def test_a_training_of_many_steps_begins_at_once() -> None:
    settings = replace(SETTINGS, steps=500_000)
    assert len(list(islice(batches_of(settings), 3))) == 3


def test_ranges_are_those_of_the_guide() -> None:
    rows = read_published("training-ranges").rows
    guide = {tuple(int(row.values[n]) for n in ("least", "most", "step")) for row in rows}
    ours = {(min(s).height, max(s).height, 32) for s in RANGES.values()}
    assert ours == guide


@pytest.mark.parametrize("name", networks())
def test_every_network_takes_its_usual_sizes(name: str) -> None:
    stride = networks()[name].stride
    sizes = usual_sizes(stride)
    assert all(size.height % stride == 0 for size in sizes)
    assert stride != 32 or sizes == Sizes.parse("160:320:32")
