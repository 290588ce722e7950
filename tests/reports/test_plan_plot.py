"""The picture of a plan: each engine once, and padding as the letterbox makes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netzoo.tasks.letterbox import PADDING, Letterbox
from reports.plots.plan import padding_of, plan_figure
from reports.plots.saved import save
from sizewise.core.specs.plan import Plan
from tests.sizewise.core.planned import planned


def drawn_padding(plan: Plan, name: str) -> float:
    """The share of an engine's pixels that stay grey where white pictures are fitted in."""
    grey = total = 0.0
    for route in plan.routes:
        if route.place.engine == name:
            white = np.full((route.picture.height, route.picture.width, 3), 255, np.uint8)
            canvas = Letterbox.fit(route.picture, route.place.input).apply_bytes(white)
            grey += route.share * float((canvas == PADDING).all(axis=2).sum())
            total += route.share * route.place.input.pixels
    return grey / total


def test_padding_is_what_the_letterbox_leaves_grey() -> None:
    plan = planned()
    found = padding_of(plan)
    for engine in plan.engines:
        assert found[engine.name] == pytest.approx(drawn_padding(plan, engine.name), abs=0.02)


def test_the_figure_names_each_engine_and_is_written(tmp_path: Path) -> None:
    figure = plan_figure(planned())
    texts = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert {"small", "large"} <= set(texts)
    save(figure, tmp_path / "plan.png")
    assert (tmp_path / "plan.svg").is_file()
