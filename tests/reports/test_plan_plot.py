"""The picture of a plan: each engine once, and padding as the letterbox makes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from netzoo.tasks.letterbox import PADDING, Letterbox
from reports.choice.planning.padding import padding, routes_of
from reports.plots.keys import keys_of
from reports.plots.plan import plan_figure
from reports.plots.saved import save
from sizewise.core.specs.plan import Plan
from tests.reports.many_engines import many
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
    for engine in plan.engines:
        assert padding(routes_of(plan, engine.name), plan.rule) == pytest.approx(
            drawn_padding(plan, engine.name), abs=0.02
        )


def legend_of(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def looks(figure: Figure) -> list[tuple[object, object]]:
    """Colour and hatch of each bar of the padding."""
    axes = next(one for one in figure.axes if one.get_title() == "computed on padding")
    return [(patch.get_facecolor(), patch.get_hatch()) for patch in axes.patches]


@pytest.mark.parametrize(("engines", "drawn"), [(12, 12), (92, 12)])
def test_many_engines_of_long_names_are_told_apart(engines: int, drawn: int) -> None:
    """Warnings are errors: Matplotlib warns where texts leave no room for the plots."""
    figure = plan_figure(many(engines))
    figure.draw_without_rendering()
    assert len(set(looks(figure))) == drawn
    labels = legend_of(figure)
    assert len(set(labels)) == drawn
    assert labels[-1] == f"{engines - 11} others" or engines == drawn


def test_all_pictures_are_in_the_keys_and_the_largest_have_their_own() -> None:
    plan = many(40)
    *own, others = keys_of(plan)
    shares = [sum(route.share for route in key.routes) for key in own]
    assert sum(shares) + sum(route.share for route in others.routes) == pytest.approx(1)
    alone = [sum(route.share for route in routes_of(plan, name)) for name in others.engines]
    assert max(alone) <= min(shares)
    assert [plan.engines[int(key.number) - 1].name for key in own] == [key.name for key in own]
    assert [key.name for key in keys_of(planned())] == ["small", "large"]


def test_the_figure_names_each_engine_and_is_written(tmp_path: Path) -> None:
    figure = plan_figure(planned())
    assert legend_of(figure) == ["1: small", "2: large"]
    save(figure, tmp_path / "plan.png")
    assert (tmp_path / "plan.svg").is_file()
