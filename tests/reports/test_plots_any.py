"""Every plot of whatever a file may hold: nothing, one point, odd figures, many engines, long
names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.load import select_records
from reports.plots.axes import title_of
from reports.plots.builds import break_even
from reports.plots.losses import losses_of
from reports.plots.sweep import draw
from sizewise.core.specs import Strategy
from sizewise.core.trials import Result, Trial

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

PLOTS = {
    "latency.png",
    "ecdf.png",
    "dynamic.png",
    "accuracy.png",
    "memory.png",
    "builds.png",
    "machine.png",
}


def rows_of(lab: Lab, results: Iterable[Result]) -> tuple[Row, ...]:
    return select_records([lab.run(results)], "x").rows


def drawn(rows: Iterable[Row]) -> set[str]:
    """The names of the plots. All of them can be drawn, and say something."""
    plots = draw(Verdicts(rows))
    for figure in plots.values():
        figure.draw_without_rendering()
        assert title_of(figure)
    return set(plots)


def test_no_data() -> None:
    assert drawn([]) == set()


def test_one_point(lab: Lab) -> None:
    assert drawn(rows_of(lab, [lab.ok(lab.trial())])) == PLOTS - {"dynamic.png"}


@pytest.mark.parametrize("status", ["failed", "unsupported", "invalid"])
def test_all_invalid(lab: Lab, status: str) -> None:
    assert drawn(rows_of(lab, [lab.bad(lab.trial(), status)])) == set()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "columns",
    [
        ("latency_low_ms", "latency_high_ms"),
        ("peak_mib",),
        ("build_s", "file_mib"),
        ("accuracy_low", "accuracy_high"),
        ("ap", "accuracy_low", "accuracy_high"),
        ("latency_ms", "image_ms"),
    ],
)
def test_non_finite_values(lab: Lab, columns: tuple[str, ...]) -> None:
    rows = rows_of(lab, lab.sweep())
    nan: dict[str, Any] = dict.fromkeys(columns, math.nan)
    inf: dict[str, Any] = dict.fromkeys(columns, math.inf)
    drawn(
        replace(row, **(inf if n % 3 == 1 else nan)) if n % 3 else row for n, row in enumerate(rows)
    )
    drawn(replace(row, **(inf if n else nan)) for n, row in enumerate(rows))


def test_sixty_engines(lab: Lab) -> None:
    short = replace(lab, processes=3, rounds=2)
    results = [
        short.ok(short.trial(backend, network=f"net{number}"))
        for number in range(20)
        for backend in ("onnxruntime", "openvino", "torch_eager")
    ]
    rows = rows_of(lab, results)
    assert len({row.engine for row in rows}) == 60
    plots = draw(Verdicts(rows))
    for figure in plots.values():
        figure.draw_without_rendering()
    latency, memory, builds = (plots[f"{name}.png"] for name in ("latency", "memory", "builds"))
    names = ["onnxruntime static", "openvino static", "torch_eager static"]
    for figure in (latency, memory):
        assert len(figure.axes) == 12
        assert texts(figure) == [*names, "and 8 panels more:\nsee the tables"]
    assert texts(builds)[-1] == "and 40 more: see the tables"


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


BACKENDS = ("onnxruntime", "openvino")
STRATEGIES: tuple[Strategy, ...] = ("static", "dynamic")
MANY: dict[str, Callable[[Lab], list[Trial]]] = {
    "model": lambda lab: [
        lab.trial(backend, network=f"net{n}") for n in range(4) for backend in BACKENDS
    ],
    "precision": lambda lab: [
        lab.trial(backend, strategy, precision=precision)
        for precision in ("fp32", "fp16", "bf16")
        for strategy in STRATEGIES
        for backend in BACKENDS
    ],
    "back end": lambda lab: [
        lab.trial(backend, threads=threads) for threads in range(1, 6) for backend in BACKENDS
    ],
}
PANELS = {
    "model": ["net0", "net1", "net2", "net3"],
    "precision": ["fp32", "fp16", "bf16"],
    "back end": ["onnxruntime", "openvino"],
}


@pytest.mark.parametrize("apart", MANY)
def test_many_engines_stand_in_panels_with_the_same_colours(lab: Lab, apart: str) -> None:
    rows = rows_of(lab, [lab.ok(trial) for trial in MANY[apart](lab)])
    figure = draw(Verdicts(rows))["latency.png"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == PANELS[apart]
    colours: dict[str, set[object]] = {}
    heights: list[float] = []
    for axes in figure.axes:
        lines = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
        assert len(lines) == len(rows) / len(figure.axes)
        for line in lines:
            assert not set(PANELS[apart]) & set(str(line.get_label()).split())
            shown = line.lines[0]
            assert shown is not None
            colours.setdefault(str(line.get_label()), set()).add(shown.get_color())
            heights += map(float, np.asarray(shown.get_ydata()))
    assert all(len(own) == 1 for own in colours.values())
    assert sorted(heights) == pytest.approx(sorted(row.latency_ms for row in rows))


def test_few_engines_share_one_panel(lab: Lab) -> None:
    results = [lab.ok(lab.trial(threads=threads)) for threads in range(1, 8)]
    assert len(draw(Verdicts(rows_of(lab, results)))["latency.png"].axes) == 1


def test_names_of_eighty_characters(lab: Lab) -> None:
    names = [f"{letter}{'x' * 78}{letter}" for letter in "ab"]
    results = [one for name in names for one in _named(lab, name)]
    assert drawn(rows_of(lab, results)) == PLOTS


def _named(lab: Lab, name: str) -> Iterable[Result]:
    for strategy in STRATEGIES:
        yield lab.ok(lab.trial(network=name, strategy=strategy))


def test_the_loss_of_a_precision_is_that_against_fp32(lab: Lab) -> None:
    scores = {"fp32": 0.5, "bf16": 0.48}
    rows = rows_of(lab, [lab.ok(lab.trial(precision=p), ap=ap) for p, ap in scores.items()])
    (loss,) = losses_of(Verdicts(rows).contests)
    assert loss.row.precision == "bf16"
    assert loss.points[0] == pytest.approx(2.0)
    assert "losses.png" in drawn(rows)


def test_where_one_engine_for_all_sizes_breaks_even() -> None:
    assert break_even([1.0, 2.0, 3.0], 2.5) == 3
    assert break_even([1.0, 2.0], 2.5) is None
