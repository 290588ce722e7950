"""What a search may change, and what its table and picture say."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import rankdata

from netzoo.zoo.network import networks
from sizewise.core.options.declared import fill, options_of
from sizewise.pipeline.models.training import TrainOptions
from sizewise.pipeline.preparation.tuning.options import FixedTraining, TuneOptions
from sizewise.pipeline.preparation.tuning.picture import correlations, draw_search
from sizewise.pipeline.preparation.tuning.rows import State, TrialRow, best_of, save_rows
from sizewise.pipeline.preparation.tuning.space import Dimension, space_of

_CHANGES = {"scale", "translate", "hue", "saturation", "value"}
_OF_OTHERS = {"mosaic", "mix_up"}
_ALWAYS = {"learning_rate", "weight_decay"}


@pytest.mark.parametrize("name", ["yolov2", "yolov4-tiny", "yolo9000", "darknet19", "multiscale"])
def test_every_network_is_searched_within_what_it_takes(name: str) -> None:
    space = space_of(name, TuneOptions(), FixedTraining())
    names = {one.name for one in space}
    others = set() if name == "darknet19" else _OF_OTHERS
    gains = {one for one in names if one.endswith("_gain")}
    assert names == _ALWAYS | _CHANGES | others | gains
    assert bool(gains) == (networks()[name].task == "detection")
    assert all(one.low < one.high for one in space)
    assert all(one.logarithmic == (one.name in _ALWAYS | gains) for one in space)


def test_the_gains_that_are_searched_are_those_of_the_loss() -> None:
    fixed = FixedTraining(loss="paper")
    space = {one.name: one for one in space_of("yolov2", TuneOptions(), fixed)}
    assert space["objectness_gain"] == Dimension(
        name="objectness_gain", low=1.0, high=25.0, logarithmic=True
    )
    assert "background_gain" in space


def test_what_is_given_is_not_searched_even_at_its_default() -> None:
    usual = TrainOptions().learning_rate
    fixed = fill(FixedTraining, {"learning_rate": usual, "hue": 0.0})
    names = {one.name for one in space_of("yolov3", TuneOptions(), fixed)}
    assert not names & {"learning_rate", "hue"}
    assert fixed.training(mosaic=0.5).learning_rate == usual
    assert FixedTraining().training() == TrainOptions()


def test_a_range_of_ones_own_is_taken_as_it_is_written() -> None:
    tuning = TuneOptions(search=("--learning-rate=1e-3:2e-3", "ema_decay"))
    rate, decay = space_of("yolov3", tuning, FixedTraining())
    assert rate == Dimension(name="learning_rate", low=1e-3, high=2e-3, logarithmic=True)
    assert (decay.low, decay.high) == (0.9, 0.9999)
    assert set(options_of(FixedTraining)) == set(options_of(TrainOptions))


@given(st.floats(1e-5, 1e3), st.floats(1.01, 100), st.floats(0, 1))
def test_a_value_is_trained_as_it_is_printed(low: float, factor: float, share: float) -> None:
    one = Dimension(name="box_gain", low=low, high=low * factor)
    value = one.rounded(low + share * (one.high - low))
    assert one.low <= value <= one.high
    assert value in (float(f"{value:.3g}"), one.low, one.high)


def row(number: int, state: State, score: float | None, **values: float) -> TrialRow:
    return TrialRow(number=number, state=state, score=score, steps=8, values=values)


def test_the_best_was_trained_to_its_end() -> None:
    rows = [
        *(row(1, "complete", 0.2), row(2, "pruned", 0.9), row(3, "complete", 0.5)),
        *(row(4, "complete", 0.5), row(5, "failed", 0.8), row(6, "running", None)),
    ]
    assert best_of(rows) == rows[2]
    assert best_of(rows[1:2]) is None


@given(st.integers(0, 1000))
def test_correlations_are_those_of_the_ranks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, scores = rng.random((3, 9))
    rows = [
        row(n, "complete", float(scores[n]), a=float(a[n]), b=float(b[n]), same=1.0)
        for n in range(9)
    ]
    found = correlations(
        [*rows, row(9, "failed", None, a=0.0, b=0.0, same=1.0)], ["a", "b", "same"]
    )
    ranks = rankdata(scores)
    for name, values in (("a", a), ("b", b)):
        expected = np.corrcoef(rankdata(values), ranks)[0, 1]
        assert found[name] == pytest.approx(expected)
    assert [abs(one) for one in found.values()] == sorted(map(abs, found.values()), reverse=True)
    assert "same" not in found
    assert correlations(rows[:4], ["a"]) == {}


def test_a_search_is_written_and_drawn(tmp_path: Path) -> None:
    states: list[State] = ["complete", "pruned", "failed", "complete", "complete", "running"]
    scores = [0.2, 0.1, None, 0.4, 0.3, None]
    rows = [
        row(n, s, v, mosaic=0.1 * n) for n, (s, v) in enumerate(zip(states, scores, strict=True))
    ]
    save_rows(rows, "ap", ["mosaic"], tmp_path / "tune.csv")
    with (tmp_path / "tune.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [one["state"] for one in found] == states
    assert [one["ap"] for one in found] == ["0.2", "0.1", "", "0.4", "0.3", ""]
    for count in (0, 1, 3, 6):
        draw_search(rows[:count], "AP", ["mosaic"], "yolov3 on data", tmp_path / "tune.png")
        with Image.open(tmp_path / "tune.png") as picture:
            assert picture.width == 880
