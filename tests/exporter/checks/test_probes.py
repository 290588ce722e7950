from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exporter.checks.probes import Probe, Shown, plan_probes, small_probes
from sizewise.core.specs import Preprocessing, Size

strides = st.sampled_from([1, 2, 7, 8, 16, 32, 64, 128])


@given(stride=strides, rows=st.integers(2, 40), columns=st.integers(2, 40))
def test_six_sizes_or_more_none_of_them_the_examples(stride: int, rows: int, columns: int) -> None:
    example = Size(rows * stride, columns * stride)
    probes = plan_probes(example=example, stride=stride, dynamic=True)
    sizes = {probe.size for probe in probes}
    assert len(sizes) == len(probes) >= 6
    assert example not in sizes
    assert all(size.height % stride == size.width % stride == 0 for size in sizes)
    assert all(min(size.height, size.width) >= 2 * stride for size in sizes)
    assert any(size.height > size.width for size in sizes)
    assert any(size.height < size.width for size in sizes)
    assert any(s.height > example.height and s.width > example.width for s in sizes)
    assert {1, 2, 3} <= {probe.batch_size for probe in probes}


def test_images_are_the_same_at_every_call_and_differ_within_a_batch() -> None:
    probe = Probe(batch_size=3, size=Size(64, 96))
    images = probe.images()
    assert images.shape == (3, 3, 64, 96)
    assert images.dtype == np.float32
    assert 0 <= images.min() < images.max() <= 1
    np.testing.assert_array_equal(images, probe.images())
    # Patches, not noise alone: the brightness of their quarters is another.
    quarters = images.reshape(3, 3, 4, 16, 4, 24).mean(axis=(3, 5))
    assert np.abs(quarters[0] - quarters[1]).max() > 0.1


def test_images_are_given_as_the_module_takes_pictures() -> None:
    probe = Probe(batch_size=2, size=Size(64, 96))
    how = Preprocessing(most=255, mean=(0.5, 0.5, 0.5))
    shown = replace(probe, shown=Shown(preprocessing=how)).images()
    np.testing.assert_allclose(shown, (probe.images() - 0.5) * 255, rtol=1e-5, atol=1e-4)
    assert replace(probe, shown=Shown(channels=1)).images().shape == (2, 1, 64, 96)
    planned = plan_probes(example=probe.size, stride=32, dynamic=True, shown=Shown(channels=1))
    assert {one.shown.channels for one in planned} == {1}
    small = small_probes(32, 32, 128, planned[0])
    assert [one.size for one in small] == [Size(32, 32), Size(64, 64)]
    assert {one.shown.channels for one in small} == {1}
