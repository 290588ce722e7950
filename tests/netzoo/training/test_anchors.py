from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.training.anchors import cluster_shapes, fit_anchors, shape_iou
from sizewise.core.errors import InputError
from sizewise.core.specs import Size, Sizes
from tests.netzoo.factories import squares

PUBLISHED = tuple((4.0 + i, 5.0 + 2 * i) for i in range(9))

shapes = st.lists(
    st.tuples(st.floats(1, 200), st.floats(1, 200)), min_size=12, max_size=60, unique=True
)


def mean_best_iou(found: list[tuple[float, float]], anchors: object) -> float:
    return float(shape_iou(np.array(found), np.asarray(anchors)).max(1).mean())


@given(st.tuples(st.integers(1, 50), st.integers(1, 50)), st.tuples(st.integers(1, 50)))
def test_iou_of_shapes_counts_pixels(a: tuple[int, int], b: tuple[int]) -> None:
    other = (b[0], 7)
    cells_a = {(x, y) for x in range(a[0]) for y in range(a[1])}
    cells_b = {(x, y) for x in range(other[0]) for y in range(other[1])}
    counted = len(cells_a & cells_b) / len(cells_a | cells_b)
    found = shape_iou(np.array([a], float), np.array([other], float))
    assert found.item() == pytest.approx(counted)


def test_clusters_that_are_there_are_found() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[10, 12], [30, 20], [25, 60], [100, 90]], float)
    cloud = (truth[:, None] * rng.uniform(0.95, 1.05, (4, 50, 2))).reshape(-1, 2)
    found = cluster_shapes(cloud, 4, np.random.default_rng(1))
    np.testing.assert_allclose(found, truth, rtol=0.05)


@given(shapes, st.integers(0, 5))
def test_anchors_are_ordered_and_better_than_one_for_all(
    found: list[tuple[float, float]], seed: int
) -> None:
    cloud = np.array(found)
    anchors = cluster_shapes(cloud, 4, np.random.default_rng(seed))
    areas = anchors.prod(1)
    assert (np.diff(areas) >= 0).all()
    assert (anchors >= cloud.min(0) - 1e-9).all()
    assert (anchors <= cloud.max(0) + 1e-9).all()
    assert mean_best_iou(found, anchors) >= mean_best_iou(found, [cloud.mean(0)]) - 1e-9


def test_anchors_are_stretched_with_the_pictures(tmp_path: Path) -> None:
    data = squares(tmp_path, 20, height=48, width=96)
    stretched = fit_anchors(data, (Size(96, 96),), PUBLISHED[:1], 0, keep_shape=False)
    letterboxed = fit_anchors(data, (Size(96, 96),), PUBLISHED[:1], 0)
    ((width, height),), ((same_width, half_height),) = stretched, letterboxed
    assert (width, height) == pytest.approx((same_width, 2 * half_height), abs=0.02)


def test_the_same_seed_gives_the_same_anchors(tmp_path: Path) -> None:
    data, sizes = squares(tmp_path, 20), Sizes.parse("64,96")
    first = fit_anchors(data, sizes, PUBLISHED, seed=3)
    assert first == fit_anchors(data, sizes, PUBLISHED, seed=3)
    assert len(set(first)) == 9


def test_anchors_are_in_pixels_of_the_input(tmp_path: Path) -> None:
    data = squares(tmp_path, 20, height=96, width=128)
    (small,) = fit_anchors(data, (Size(96, 128),), PUBLISHED[:1], seed=0)
    (large,) = fit_anchors(data, (Size(192, 256),), PUBLISHED[:1], seed=0)
    np.testing.assert_allclose(large, 2 * np.array(small), atol=0.02)


def test_few_shapes_leave_the_published_anchors_and_none_are_refused(tmp_path: Path) -> None:
    data = squares(tmp_path, 20)
    one = replace(data, images=data.images[:1])
    assert fit_anchors(one, (Size(96, 128),), PUBLISHED, seed=0) == PUBLISHED
    assert fit_anchors(one, (Size(96, 128),), PUBLISHED[:3], seed=0) != PUBLISHED[:3]
    with pytest.raises(InputError, match="width and a height"):
        fit_anchors(replace(data, images=()), (Size(96, 128),), PUBLISHED, seed=0)
