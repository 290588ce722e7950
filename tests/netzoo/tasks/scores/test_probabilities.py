"""Probabilities out of what classifiers give, against SciPy's softmax."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from netzoo.tasks.kinds.classification import ClassPredictor
from sizewise.core.errors import InferenceError
from sizewise.core.specs import ModelCard, Size

CARD = ModelCard(network="n", task="classification", classes=("cat", "dog", "owl"))
PREDICTOR = ClassPredictor(size=Size(8, 8), card=CARD)
PICTURE = np.zeros((8, 8, 3), np.uint8)
FIT = PREDICTOR.fit(PICTURE)


@given(st.lists(st.floats(-80, 80, width=32), min_size=3, max_size=3))
def test_logits_become_what_scipy_makes_of_them(logits: list[float]) -> None:
    scores = np.array([logits], np.float32)
    found = PREDICTOR.read(FIT, {"scores": scores})
    already = scores.min() >= 0 and abs(scores.sum() - 1) < 1e-3
    expected = scores[0] if already else softmax(scores[0].astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32


def test_probabilities_stay_as_they_are() -> None:
    scores = np.array([[0.25, 0.5, 0.25]], np.float32)
    found = PREDICTOR.read(FIT, {"scores": scores.reshape(1, 3, 1, 1)})
    assert found.tolist() == [0.25, 0.5, 0.25]
    assert PREDICTOR.describe(found) == "dog 50.0%"
    assert PREDICTOR.results(found)[:2] == [
        {"category_id": 1, "score": 0.5},
        {"category_id": 0, "score": 0.25},
    ]
    assert PREDICTOR.arrays(found)["probabilities"].shape == (3,)
    assert PREDICTOR.draw(np.zeros((40, 90, 3), np.uint8), found).size == (90, 40)


def test_scores_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(InferenceError, match="NaN"):
        PREDICTOR.read(FIT, {"scores": np.full((1, 3), np.nan, np.float32)})
