"""The pictures of a sweep, each with a title that says what is seen in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from reports.analysis.fusions import compare_modes
from reports.analysis.pairs import Pair, best_of, by_backend, find_pairs, geometric_mean
from reports.analysis.tradeoffs import Contest, contests, pareto_front
from reports.findings.phrases import price
from reports.load import Records
from reports.plots.axes import (
    BAND,
    FRONT,
    GREY,
    canvas,
    cross_out,
    label_points,
    legend,
    named,
    plain_scale,
    positions,
    size_axis,
)
from reports.plots.fusion import fusion_figure
from reports.plots.styles import Style, styles
from reports.text.words import counted, listed
from sizewise.core.stats import PRACTICAL

Styles = Mapping[str, Style]


def draw(records: Records) -> dict[str, Figure]:
    """File name → picture; those for which there are figures."""
    look = styles(records.frame)
    measured = records.frame[records.frame["median_ms"].notna()]
    pairs = find_pairs(records)
    pictures = {}
    if not measured.empty:
        pictures["latency.png"] = latency_figure(measured, look)
    if pairs:
        pictures["dynamic.png"] = ratio_figure(measured, pairs, look)
    for number, contest in enumerate(contests(records.frame)):
        pictures[f"accuracy{number or ''}.png"] = accuracy_figure(contest, look)
    if modes := fusion_figure(compare_modes(records)):
        pictures["fusions.png"] = modes
    return pictures


def latency_figure(rows: pd.DataFrame, look: Styles) -> Figure:
    """A line per engine over the sizes, with 95% intervals."""
    figure, axes = canvas(_latency_title(rows))
    place = positions(rows)
    for engine, line in rows.sort_values("pixels", kind="stable").groupby("engine", sort=False):
        x = line["size"].map(place)
        values = line[["median_ms", "low_ms", "high_ms"]].to_numpy()
        _bars(axes, x, values, look[str(engine)].line, str(engine))
        cross_out(axes, x, values[:, 0], line["doubts"].map(len) > 0)
    size_axis(axes, rows)
    plain_scale(axes, "y", rows["median_ms"], "latency per call (ms)")
    legend(axes)
    return figure


def _latency_title(rows: pd.DataFrame) -> str:
    fastest = rows.loc[rows.groupby("size")["image_ms"].idxmin(), "engine"].value_counts()
    best, wins = fastest.index[0], fastest.iloc[0]
    count = rows["size"].nunique()
    where = f"all {count} sizes" if wins == count else f"{wins} of {counted(count, 'size')}"
    return f"{best} has the lowest median latency at {where if count > 1 else rows['size'].iloc[0]}"


def ratio_figure(rows: pd.DataFrame, pairs: Sequence[Pair], look: Styles) -> Figure:
    """Latency of each engine for many sizes against the static one, in percent more or less."""
    figure, axes = canvas(_ratio_title(pairs))
    place = positions(rows)
    engines = list(dict.fromkeys(pair.engine for pair in pairs))
    for engine, shift in zip(engines, _shifts(place.values(), len(engines)), strict=True):
        own = [pair for pair in pairs if pair.engine == engine]
        x = np.array([place[pair.size] + shift for pair in own])
        values = np.array([_percents(pair) for pair in own])
        _bars(axes, x, values, look[engine].dot, engine)
        cross_out(axes, x, values[:, 0], [not pair.trusted for pair in own])
    axes.axhline(0, color=GREY, linewidth=1)
    axes.axhspan(-100 * PRACTICAL, 100 * PRACTICAL, color=GREY, alpha=0.12, linewidth=0, label=BAND)
    size_axis(axes, rows)
    axes.set_ylabel("latency against the static engine (%)")
    legend(axes)
    return figure


def _ratio_title(pairs: Sequence[Pair]) -> str:
    groups = by_backend(pairs).items()
    costs = [f"{price(geometric_mean(best_of(group)))} in {name}" for name, group in groups]
    if not costs:
        return "Latency of engines for many sizes against one engine per size"
    return f"The dynamic engine costs {listed(costs)}"


def _percents(pair: Pair) -> list[float]:
    ratio = pair.ratio
    return [
        math.nan if end is None else 100 * (end - 1) for end in (ratio.ratio, ratio.low, ratio.high)
    ]


def _shifts(places: Iterable[float], count: int) -> list[float]:
    """Sideways steps that keep the bars of one size apart and those of two sizes together."""
    gaps = np.diff(sorted(places))
    step = min(gaps, default=1.0) / (count + 2)
    return [step * (number - (count - 1) / 2) for number in range(count)]


def accuracy_figure(contest: Contest, look: Styles) -> Figure:
    """Accuracy against latency per image; the Pareto front is drawn and its sizes are named."""
    front = pareto_front(contest)
    figure, axes = canvas(_accuracy_title(front))
    axes.step(
        front["image_ms"],
        front[contest.metric],
        where="post",
        color=GREY,
        linewidth=1,
        alpha=0.6,
        label=FRONT,
    )
    for engine, line in contest.rows.sort_index().groupby("engine", sort=False):
        axes.plot(
            line["image_ms"],
            line[contest.metric],
            **look[str(engine)].dot,
            label=named(str(engine)),
        )
        cross_out(axes, line["image_ms"], line[contest.metric], line["doubts"].map(len) > 0)
    plain_scale(axes, "x", contest.rows["image_ms"], "latency per image (ms)")
    axes.set_ylabel(f"{contest.name} (0–1)")
    legend(axes)
    points = contest.rows[["image_ms", contest.metric]].itertuples(index=False, name=None)
    labels = front[["image_ms", contest.metric, "size"]].itertuples(index=False, name=None)
    label_points(figure, axes, list(labels), list(points))
    return figure


def _accuracy_title(front: pd.DataFrame) -> str:
    holders = front["engine"].value_counts()
    best, count = holders.index[0], holders.iloc[0]
    if len(holders) == 1:
        return f"Nothing beats {best}: it holds every point of the Pareto front"
    return f"{best} holds {count} of the {len(front)} points that nothing beats"


def _bars(axes: Axes, x: ArrayLike, values: NDArray[Any], look: dict[str, Any], label: str) -> None:
    """Points with intervals; ``values`` has columns point, low, high, and NaN for no interval."""
    point, low, high = values.T
    axes.errorbar(x, point, [point - low, high - point], **look, label=named(label), capsize=2)
