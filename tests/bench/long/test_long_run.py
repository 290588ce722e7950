"""A sweep of an hour on a scripted clock; ``campaign`` is the one of a day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.bench.long.campaign import DAY, NAMES, Found, Script, campaign, judge, slope

HOUR = Script(hours=1, samples=8, sides=2, rounds=1, calls=120, leak_bytes=20_000)
"""Few waves, which are long: so few tell less, and what is allowed is more."""


def test_a_sweep_holds_no_more_from_wave_to_wave(tmp_path: Path) -> None:
    found = campaign(1, 7, tmp_path, HOUR)
    assert found.violations == []
    assert found.counts["hours of the clock"] == 1
    assert found.counts["waves"] >= 12


def quiet() -> NDArray[np.float64]:
    """What is seen of a sweep of 480 waves that holds no more from one to the next, but for some
    noise."""
    places = np.arange(DAY.samples)
    table = np.tile([0, 6e6, 1e8, 10, 4, 1, 0], (DAY.samples, 1))
    table[:, NAMES.index("waves")] = 10 * places
    table[:, NAMES.index("rows")] = 80 * places + 8
    table[:, NAMES.index("bytes")] += 300 * (places % 3)
    table[7, NAMES.index("bytes")] += 1e6
    return table


@pytest.mark.parametrize(
    ("name", "a_wave", "said"),
    [
        ("bytes", 0, ""),
        ("bytes", 24 + 8, "each wave leaves"),
        ("resident", 64 * 1024, "resident memory grows"),
        ("handles", 0.01, "handles grow from 12 to 14"),
        ("threads", 0.01, "threads grow"),
        ("children", 0.01, "children grow"),
        ("rows", -8, "did not go on"),
    ],
)
def test_what_each_wave_leaves_is_found(name: str, a_wave: float, said: str) -> None:
    table = quiet()
    table[:, NAMES.index(name)] += np.floor(a_wave * table[:, NAMES.index("waves")])
    found = judge(table, DAY, Found())
    assert [said in one for one in found] == ([True] if said else [])


def test_a_sweep_that_ends_early_shows_nothing() -> None:
    assert judge(quiet()[:-1], DAY, Found()) == ["the sweep did not go on until the end"]


@pytest.mark.slow
@pytest.mark.parametrize("leak", [0, 1])
def test_a_day(tmp_path: Path, leak: int) -> None:
    found = campaign(1, 7, tmp_path, DAY, leak=leak)
    assert len(found.violations) == leak


def test_a_slope_is_that_of_most_pairs() -> None:
    at = np.arange(20.0)
    odd = 3 * at + 5
    odd[4] += 1e6
    assert slope(at, odd) == 3
