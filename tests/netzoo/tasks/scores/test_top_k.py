from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netzoo.tasks.scores.top_k import score_classes


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(6, 12), st.integers(0, 2**31))
def test_scores_are_those_of_scikit_learn(images: int, classes: int, seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(classes, dtype=np.float32), (images, 1)), axis=1)
    labels = rng.integers(classes, size=images)
    found = score_classes(scores, labels)
    for k, share in ((1, found.top1), (5, found.top5)):
        expected = metrics.top_k_accuracy_score(labels, scores, k=k, labels=range(classes))
        assert share == pytest.approx(expected)


def test_among_five_classes_or_fewer_every_answer_is_in_the_first_five() -> None:
    scores = np.eye(4, dtype=np.float32)
    found = score_classes(scores, np.array([0, 1, 2, 0]))
    assert (found.top1, found.top5) == (0.75, 1.0)


@pytest.mark.parametrize("value", [0.1, np.nan, np.inf])
def test_a_network_that_can_not_tell_scores_nothing(value: float) -> None:
    found = score_classes(np.full((3, 10), value, np.float32), np.array([0, 4, 9]))
    assert (found.top1, found.top5) == (0, 0)
