from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.networks.yolov4_tiny import DESIGN
from netzoo.training.anchors import cluster_shapes, fit_anchors, shape_iou, shared_out
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import networks
from sizewise.core.errors import InputError
from sizewise.core.specs import Size, Sizes
from tests.netzoo.factories import CLASSES, squares

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


def test_shapes_that_a_sample_lacks_leave_the_published_anchors(tmp_path: Path) -> None:
    """Of many boxes, a part is clustered: the few that differ may not be among them."""
    data, count = squares(tmp_path, 1), 40_000
    boxes = np.tile(np.array([[0, 0, 8, 8]], np.float32), (count, 1))
    boxes[:8, 2] += np.arange(1, 9)
    crowded = replace(data.images[0], boxes=boxes, labels=np.zeros(count, np.int64))
    found = fit_anchors(replace(data, images=(crowded,)), (Size(96, 128),), PUBLISHED, seed=0)
    assert found == PUBLISHED


def test_every_fitted_anchor_belongs_to_a_head() -> None:
    designs = [entry.design for entry in networks().values() if entry.design]
    assert len(designs) > 8
    for design in designs:
        masks = shared_out(design)
        assert [len(mask) for mask in masks] == [len(mask) for mask in design.masks]
        assert sorted(place for mask in masks for place in mask) == list(range(len(design.anchors)))
        by_stride = [mask for _, mask in sorted(zip(design.strides, masks, strict=True))]
        assert by_stride == sorted(by_stride)  # the anchors are ordered by area


def test_a_trained_yolov4_tiny_uses_all_of_its_anchors(tmp_path: Path) -> None:
    config = NetworkConfig(name="yolov4-tiny", classes=CLASSES, width=0.125)
    settings = TrainingSettings(steps=1, batch_size=2, sizes=Sizes.parse("64"), threads=1)
    network = train(config, squares(tmp_path, 12), settings)
    assert network.config.anchors != DESIGN.anchors
    assert network.config.masks == ((3, 4, 5), (0, 1, 2))
    given = replace(config, anchors=DESIGN.anchors)
    assert train(given, squares(tmp_path, 2), settings).config.masks == ()
