from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score

from netzoo.tasks.masks import MaskScores
from sizewise.errors import InferenceError, InputError


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), images=st.integers(1, 4), share=st.floats(0.1, 0.9))
def test_iou_over_all_images_is_scikit_learns(seed: int, images: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    masks = [(rng.random((9, n + 5)) < share).astype(np.uint8) for n in range(images)]
    logits = [rng.normal(0, 1, mask.shape).astype(np.float32) for mask in masks]
    scores = MaskScores()
    for mask, logit in zip(masks, logits, strict=True):
        scores.add(logit, mask)
    truth = np.concatenate([mask.ravel() for mask in masks])
    found = np.concatenate([logit.ravel() for logit in logits]) > 0
    background, objects = jaccard_score(truth, found, average=None, labels=[0, 1])
    assert scores.ious == pytest.approx((background, objects))
    assert scores.miou == pytest.approx((background + objects) / 2)


def test_empty_masks_that_are_left_empty_are_perfect() -> None:
    scores = MaskScores()
    scores.add(np.full((3, 4), -1.0), np.zeros((3, 4), np.uint8))
    assert scores.miou == 1


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match=r"the prediction is \[4, 4\], the mask \[3, 4\]"):
        MaskScores().add(np.zeros((4, 4)), np.zeros((3, 4), np.uint8))


def test_nan_is_a_numerics_error() -> None:
    with pytest.raises(InferenceError) as error:
        MaskScores().add(np.full((3, 4), np.nan), np.zeros((3, 4), np.uint8))
    assert error.value.reason_code == "numerics"
