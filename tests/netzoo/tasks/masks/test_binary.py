from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.special import expit
from sklearn.metrics import fbeta_score, jaccard_score, mean_absolute_error

from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks.binary import MaskScores, box_of, read_logits
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.evidence.masks import BETA_SQUARED
from sizewise.core.specs import Size

Maps = list[tuple[NDArray[np.float32], NDArray[np.uint8]]]


@st.composite
def maps(draw: st.DrawFn) -> Maps:
    """Logits and masks of images of different sizes; any of them may be all object or none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([0.1, 1.0, 30.0, 1e4]))
    made: Maps = []
    for number in range(draw(st.integers(1, 4))):
        shape = (9, number + 5)
        mask = (rng.random(shape) < draw(st.floats(0, 1))).astype(np.uint8)
        made.append((rng.normal(draw(st.floats(-3, 3)), spread, shape).astype(np.float32), mask))
    return made


def scored(images: Maps) -> MaskScores:
    scores = MaskScores()
    for logits, mask in images:
        scores.add(logits, mask)
    return scores


@settings(deadline=None)
@given(maps())
def test_scores_over_all_images_are_scikit_learns(images: Maps) -> None:
    scores = scored(images)
    truth = np.concatenate([mask.ravel() for _, mask in images])
    logits = np.concatenate([logits.ravel() for logits, _ in images])
    found = expit(logits.astype(np.float64)) > 0.5
    ious = jaccard_score(truth, found, average=None, labels=[0, 1], zero_division=1)
    assert scores.ious == pytest.approx(tuple(ious))
    assert scores.miou == pytest.approx(
        jaccard_score(truth, found, average="macro", labels=[0, 1], zero_division=1)
    )
    assert scores.f_measure == pytest.approx(
        fbeta_score(truth, found, beta=BETA_SQUARED**0.5, zero_division=1)
    )
    assert scores.mae == pytest.approx(mean_absolute_error(truth, expit(logits)), abs=1e-6)


def uniform(logit: float, pixel: int) -> MaskScores:
    return scored([(np.full((3, 4), logit, np.float32), np.full((3, 4), pixel, np.uint8))])


@pytest.mark.parametrize(
    ("logit", "pixel", "miou", "f_measure", "mae"),
    [
        (-np.inf, 0, 1, 1, 0),
        (np.inf, 1, 1, 1, 0),
        (np.inf, 0, 0, 0, 1),
        (-np.inf, 1, 0, 0, 1),
        (0.0, 1, 0, 0, 0.5),
        (0.0, 0, 1, 1, 0.5),
    ],
)
def test_masks_and_predictions_that_are_empty_or_full(
    logit: float, pixel: int, miou: float, f_measure: float, mae: float
) -> None:
    scores = uniform(logit, pixel)
    assert (scores.miou, scores.f_measure, scores.mae) == (miou, f_measure, mae)


def test_without_a_pixel_nothing_is_wrong() -> None:
    scores = MaskScores()
    assert (scores.miou, scores.f_measure, scores.mae) == (1, 1, 0)


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match=r"the prediction is \[4, 4\], the mask \[3, 4\]"):
        MaskScores().add(np.zeros((4, 4)), np.zeros((3, 4), np.uint8))


def test_nan_is_a_numerics_error() -> None:
    with pytest.raises(InferenceError) as error:
        MaskScores().add(np.full((3, 4), np.nan), np.zeros((3, 4), np.uint8))
    assert error.value.reason_code == "numerics"


FITTED = Letterbox.fit(Size(24, 48), Size(32, 32))


def test_logits_are_brought_back_to_the_picture() -> None:
    logits = np.full((1, 1, 32, 32), -1, np.float32)
    logits[..., 8:24, 16:] = 1
    read = read_logits({"mask_logits": logits}, FITTED)
    assert read.shape == (24, 48)
    assert (read[:, :23] < 0).all()
    assert (read[:, 25:] > 0).all()


@pytest.mark.parametrize(
    ("name", "shape"),
    [("mask_logits", (1, 1, 16, 16)), ("mask_logits", (1, 2, 32, 32)), ("maps", (1, 1, 32, 32))],
)
def test_outputs_that_are_no_mask_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=rf"there is {name} \[1, "):
        read_logits({name: np.zeros(shape, np.float32)}, FITTED)


@given(arrays(np.bool_, (7, 9)).filter(lambda mask: bool(mask.any())))
def test_a_box_of_a_mask_is_pycocotools(mask: NDArray[np.bool_]) -> None:
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    assert box_of(mask) == coco_mask.toBbox(encoded).tolist()
