"""A plan: which engine serves which sizes, what padding costs, and what more engines would gain."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.choice.planning.padding import padding
from reports.plots.axes import named
from reports.plots.keys import Key, add_legend, keys_of
from reports.plots.styles import OKABE_ITO
from reports.text.words import counted, number
from sizewise.core.specs.plan import Alternative, Plan

_LARGEST_DOT, _SMALLEST_DOT = 500.0, 6.0
"""Points squared."""
_BINS = 40
_GREY = "#999999"


def plan_figure(plan: Plan) -> Figure:
    """Pictures by size, coloured by the engine that serves them; the share of each engine's input
    that is padding; memory against mean latency, as engines are added. Of many engines, those that
    serve the fewest pictures are drawn together."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    places = figure.subplot_mosaic([["sizes", "pixels"], ["padding", "engines"]])
    keys = keys_of(plan)
    _draw_sizes(places["sizes"], keys)
    _draw_pixels(places["pixels"], keys)
    _draw_padding(places["padding"], keys, plan)
    _draw_engines(places["engines"], plan)
    for axes in places.values():
        axes.grid(visible=True, color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    add_legend(figure, keys)
    figure.suptitle(
        f"{named(plan.traffic)}: {counted(len(plan.engines), 'engine')}, "
        f"{number(plan.predicted.mean_ms)} ms a picture, {plan.predicted.memory_mib:.0f} MiB",
        parse_math=False,
    )
    return figure


def _draw_sizes(axes: Axes, keys: Sequence[Key]) -> None:
    most = max(route.share for key in keys for route in key.routes)
    for key in reversed(keys):  # the others lie below
        axes.scatter(
            [route.picture.width for route in key.routes],
            [route.picture.height for route in key.routes],
            s=[max(_SMALLEST_DOT, _LARGEST_DOT * route.share / most) for route in key.routes],
            facecolor=key.colour,
            edgecolor="white",
            hatch=key.hatch,
            alpha=0.6,
            linewidths=0,
        )
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("width (px)")
    axes.set_ylabel("height (px)")
    axes.set_title("sizes, by the engine that serves them", fontsize="medium")


def _draw_pixels(axes: Axes, keys: Sequence[Key]) -> None:
    axes.hist(
        [[math.sqrt(route.picture.pixels) for route in key.routes] for key in keys],
        bins=_BINS,
        weights=[[100 * route.share for route in key.routes] for key in keys],
        stacked=True,
        color=[key.colour for key in keys],
        hatch=[key.hatch for key in keys],
        edgecolor="white",
        linewidth=0,
    )
    axes.set_xlabel("√pixels (px)")
    axes.set_ylabel("pictures (%)")
    axes.set_title("how large they are", fontsize="medium")


def _draw_padding(axes: Axes, keys: Sequence[Key], plan: Plan) -> None:
    for place, key in enumerate(keys):
        axes.barh(
            place,
            100 * padding(key.routes, plan.rule),
            color=key.colour,
            hatch=key.hatch,
            edgecolor="white",
            linewidth=0,
        )
    axes.set_yticks(range(len(keys)), [key.number for key in keys], fontsize="small")
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_ylabel("engine")
    axes.set_xlabel("pixels that are padding (%)")
    axes.set_title("computed on padding", fontsize="medium")


def _draw_engines(axes: Axes, plan: Plan) -> None:
    known = [one for one in plan.decision.by_engines if _is_known(one)]
    memory = [one.memory_mib or 0.0 for one in known]
    mean = [one.mean_ms or 0.0 for one in known]
    axes.plot(memory, mean, color=OKABE_ITO[0], marker="o", label="best set by its engines")
    for one, x, y in zip(known, memory, mean, strict=True):
        axes.annotate(str(one.engines), (x, y), (4, 4), textcoords="offset points", fontsize=8)
    others = [one for one in plan.decision.baselines if _is_known(one)]
    for place, one in enumerate(others):
        axes.plot(
            [one.memory_mib or 0.0],
            [one.mean_ms or 0.0],
            linestyle="none",
            marker="sD^v"[place % 4],
            color=_GREY,
            label=one.name,
        )
    axes.plot(
        [plan.predicted.memory_mib],
        [plan.predicted.mean_ms],
        linestyle="none",
        marker="*",
        markersize=14,
        color=OKABE_ITO[1],
        label="the plan",
    )
    axes.set_ylim(bottom=0)
    axes.set_xlabel("memory of the process (MiB)")
    axes.set_ylabel("mean (ms a picture)")
    axes.legend(fontsize="x-small", frameon=False)
    axes.set_title("memory against latency", fontsize="medium")


def _is_known(one: Alternative) -> bool:
    return one.mean_ms is not None and one.memory_mib is not None and not one.why_not
