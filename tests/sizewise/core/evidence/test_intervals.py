"""Intervals of accuracy: what they cover, and when two engines tie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.errors import RecordError
from sizewise.core.evidence import (
    ClassEvidence,
    DetectionEvidence,
    accuracy_difference,
    accuracy_interval,
    is_as_good,
    is_more,
    is_tie,
    read_evidence,
    write_evidence,
)
from sizewise.core.evidence.intervals import TOLERANCE
from sizewise.core.evidence.resampling import FEWEST, RESAMPLES
from sizewise.core.stats.intervals import Interval
from tests.sizewise.core.evidence.covering import RATES, SKILLS, coverage, covered, true_metrics
from tests.sizewise.core.evidence.scenes import detect, scene


def ranked(right: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> ClassEvidence:
    return ClassEvidence(count=len(right), images="", ranks=np.where(right, 1, 2))


def test_of_a_mean_the_interval_is_as_wide_as_the_normal_one() -> None:
    random = np.random.default_rng(3)
    interval = accuracy_interval(ranked(random.random(2000) < 0.7), "top1")
    assert interval.low is not None
    assert interval.high is not None
    half = 1.96 * np.sqrt(interval.point * (1 - interval.point) / 2000)
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.1)


def test_intervals_of_a_share_cover_it() -> None:
    random = np.random.default_rng(1)
    found = [accuracy_interval(ranked(random.random(150) < 0.6), "top1") for _ in range(200)]
    assert 0.91 <= np.mean([covered(interval, 0.6) for interval in found]) <= 0.98


def test_what_both_have_in_common_cancels() -> None:
    random = np.random.default_rng(7)
    seen = scene(random, 120, RATES[:3])
    one, other = (detect(random, seen, 3, skill=skill) for skill in (1.0, 1.6))
    paired = accuracy_difference(one, other, "ap")
    alone = [accuracy_interval(evidence, "ap") for evidence in (one, other)]
    assert paired.point == pytest.approx(alone[0].point - alone[1].point)
    assert width(paired) < 0.95 * np.hypot(width(alone[0]), width(alone[1]))
    assert not is_tie(paired)


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_an_engine_ties_with_itself_and_figures_are_repeatable() -> None:
    random = np.random.default_rng(2)
    evidence = detect(random, scene(random, 40, RATES[:2]), 2)
    back = read_evidence(write_evidence(evidence))
    assert accuracy_difference(evidence, back, "ap") == Interval(point=0, low=0, high=0)
    assert is_tie(accuracy_difference(evidence, back, "ap"))
    assert accuracy_interval(evidence, "ap50") == accuracy_interval(back, "ap50")


def test_a_difference_is_that_of_the_others_turned_round() -> None:
    random = np.random.default_rng(4)
    seen = scene(random, 60, RATES[:2])
    one, other = (detect(random, seen, 2, skill=skill) for skill in (1.0, 1.2))
    there, back = accuracy_difference(one, other, "ap"), accuracy_difference(other, one, "ap")
    assert there.point == -back.point
    assert there.low == pytest.approx(-(back.high or 0))
    assert there.high == pytest.approx(-(back.low or 0))


def test_other_images_and_other_metrics_are_refused() -> None:
    one = ranked(np.array([True, False]))
    with pytest.raises(RecordError, match=r"different images \(2 and 2\)"):
        accuracy_difference(one, replace(one, images="others"), "top1")
    with pytest.raises(RecordError, match="was measured as top1, top5"):
        accuracy_interval(one, "ap")


def test_one_image_has_no_interval() -> None:
    one = ranked(np.array([True]))
    assert accuracy_interval(one, "top1") == Interval(point=1, low=None, high=None)
    assert is_tie(accuracy_difference(one, one, "top1"))


def test_images_of_which_few_have_objects_have_an_interval() -> None:
    random = np.random.default_rng(0)
    rare = detect(random, scene(random, 30, np.array([0.04])), 1)
    assert len(rare.object_image) > 0
    interval = accuracy_interval(rare, "ap")
    assert 0 <= (interval.low or 0) <= interval.point <= (interval.high or 0) <= 1


@given(st.floats(-1, 1), st.none() | st.floats(0, 1))
def test_as_good_is_a_tie_or_half_a_point_less(point: float, half: float | None) -> None:
    gained = Interval.around(point, half)
    tie = abs(point) <= (1e-12 if half is None else half)
    assert is_tie(gained) == tie
    assert is_as_good(gained) == (tie or -point <= TOLERANCE + 1e-12)
    assert is_more(gained) == (point > 0 and not tie)


@pytest.mark.parametrize(
    ("points", "as_good"),
    [
        ((-1.6, -3.0, -0.2), False),  # its interval ends within half a point, and it is worse
        ((-0.6, -0.7, -0.5), False),
        ((-0.4, -0.7, -0.1), True),
        ((-1.6, -3.3, 0.1), True),  # the images do not tell
        ((-1.6, None, None), False),
        ((-0.5, None, None), True),
    ],
)
def test_a_clearly_worse_engine_is_never_as_good(
    points: tuple[float | None, ...], as_good: bool
) -> None:
    point, low, high = (None if one is None else one / 100 for one in points)
    assert is_as_good(Interval(point=point or 0, low=low, high=high)) is as_good


def test_of_many_objects_fewer_resamples_give_much_the_same_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(5)
    seen = scene(random, 400, RATES[:3])
    one, other = (detect(random, seen, 3, skill=skill) for skill in SKILLS)
    assert one.resamples == RESAMPLES
    whole, apart = accuracy_interval(one, "ap"), accuracy_difference(one, other, "ap")
    few = few_resamples(monkeypatch, one), few_resamples(monkeypatch, other)
    assert few[0].resamples == FEWEST
    assert width(accuracy_interval(few[0], "ap")) == pytest.approx(width(whole), rel=0.3)
    difference = accuracy_difference(*few, "ap")
    assert difference.point == apart.point
    assert width(difference) == pytest.approx(width(apart), rel=0.3)
    assert is_tie(accuracy_difference(few[0], few[0], "ap"))


def few_resamples(
    monkeypatch: pytest.MonkeyPatch, evidence: DetectionEvidence
) -> DetectionEvidence:
    """The same, as if it had too many objects for a thousand resamples."""
    monkeypatch.setattr("sizewise.core.evidence.detections._OBJECTS", 0)
    return replace(evidence)


@pytest.mark.slow
def test_normal_intervals_of_few_resamples_cover_the_truth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sizewise.core.evidence.detections._OBJECTS", 0)
    for metric, hits in coverage(400, 400).items():
        assert all(0.91 <= count / 400 <= 0.98 for count in hits.values()), (metric, hits)


@pytest.mark.slow
@pytest.mark.parametrize("images", [100, 400])
def test_intervals_cover_the_truth(images: int) -> None:
    for metric, hits in coverage(images, 400).items():
        assert all(0.91 <= count / 400 <= 0.98 for count in hits.values()), (metric, hits)


def test_what_is_counted_is_the_same_for_a_seed() -> None:
    truth = [true_metrics(skill, images=200) for skill in SKILLS]
    found = coverage(20, 4, seed=3, truth=truth)
    assert found == coverage(20, 4, seed=3, truth=truth)
    far = [dict.fromkeys(one, 2.0 + number) for number, one in enumerate(truth)]
    missed = coverage(20, 4, seed=3, truth=far)
    for metric, hits in found.items():
        assert set(hits) == {"accuracy", "difference", "tie"}
        assert missed[metric] == {"accuracy": 0, "difference": 0, "tie": hits["tie"]}
