"""The picture of a training's curves: that it is one, and where it is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from netzoo.training.history import Row
from netzoo.training.logs.curves import FEWEST_STEPS, _running_mean, save_curves
from sizewise.core.specs import Size


def _rows(count: int) -> list[Row]:
    rng = np.random.default_rng(0)
    return [
        Row(
            step=step,
            size=Size(64 + 32 * int(rng.integers(3)), 96),
            parts={"box": 3 / step + 0.1 * rng.random(), "class": 1 / step}
            | ({"late": 1.0} if step > 9 else {}),
        )
        for step in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    "scores", [{}, {10: {"ap": 0.1, "ap50": 0.3}, 20: {"ap": 0.2, "ap50": 0.3}}]
)
def test_a_picture_has_a_panel_for_each_thing(
    tmp_path: Path, scores: dict[int, dict[str, float]]
) -> None:
    path = tmp_path / "net.training.png"
    save_curves(_rows(20), scores, "net", path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.height / image.width == pytest.approx((3 if scores else 2) * 2.6 / 9, abs=0.01)


def test_steps_are_whole_and_scores_of_next_to_nothing_look_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Figure] = []
    real = Figure.savefig

    def savefig(self: Figure, *args: Any, **options: Any) -> None:
        real(self, *args, **options)
        seen.append(self)

    monkeypatch.setattr(Figure, "savefig", savefig)
    save_curves(_rows(20), {20: {"ap": 1e-5, "ap50": 0.0}}, "net", tmp_path / "net.training.png")
    axes = seen[0].axes[-1]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
    assert axes.get_ylim() == (0, 0.01)


def test_very_few_steps_have_no_curve(tmp_path: Path) -> None:
    path = tmp_path / "net.training.png"
    path.write_bytes(b"that of an earlier training")
    save_curves(_rows(FEWEST_STEPS - 1), {}, "net", path)
    assert not path.exists()


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.integers(1, 50))
def test_a_running_mean_is_that_of_the_last_values(values: list[float], window: int) -> None:
    found = _running_mean(np.array(values), window)
    expected = [np.mean(values[max(0, end - window) : end]) for end in range(1, len(values) + 1)]
    np.testing.assert_allclose(found, expected, atol=1e-9)
