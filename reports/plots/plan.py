"""A plan: which engine serves which sizes, what padding costs, and what more engines would gain."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.choice.planning.padding import padding, routes_of
from reports.plots.styles import OKABE_ITO
from reports.text.words import counted, number
from sizewise.core.specs.plan import Alternative, Plan

_LARGEST_DOT, _SMALLEST_DOT = 500.0, 6.0
"""Points squared."""
_BINS = 40
_GREY = "#999999"


def plan_figure(plan: Plan) -> Figure:
    """Pictures by size, coloured by the engine that serves them; the share of each engine's input
    that is padding; memory against mean latency, as engines are added."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    places = figure.subplot_mosaic([["sizes", "pixels"], ["padding", "engines"]])
    _draw_sizes(places["sizes"], plan)
    _draw_pixels(places["pixels"], plan)
    _draw_padding(places["padding"], plan)
    _draw_engines(places["engines"], plan)
    for axes in places.values():
        axes.grid(visible=True, color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{plan.traffic}: {counted(len(plan.engines), 'engine')}, "
        f"{number(plan.predicted.mean_ms)} ms a picture, {plan.predicted.memory_mib:.0f} MiB",
        parse_math=False,
    )
    return figure


def padding_of(plan: Plan) -> dict[str, float]:
    """The share of an engine's pixels that no picture fills (0–1), by the engine's name."""
    own = {engine.name: routes_of(plan, engine.name) for engine in plan.engines}
    return {name: padding(routes, plan.rule) for name, routes in own.items() if routes}


def colours_of(plan: Plan) -> dict[str, str]:
    """The colour of each engine by its name."""
    names = [engine.name for engine in plan.engines]
    return {name: OKABE_ITO[place % len(OKABE_ITO)] for place, name in enumerate(names)}


def _draw_sizes(axes: Axes, plan: Plan) -> None:
    most = max(route.share for route in plan.routes)
    for name, colour in colours_of(plan).items():
        own = routes_of(plan, name)
        axes.scatter(
            [route.picture.width for route in own],
            [route.picture.height for route in own],
            s=[max(_SMALLEST_DOT, _LARGEST_DOT * route.share / most) for route in own],
            color=colour,
            alpha=0.6,
            linewidths=0,
            label=name,
        )
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("width (px)")
    axes.set_ylabel("height (px)")
    axes.set_title("sizes, by the engine that serves them", fontsize="medium")


def _draw_pixels(axes: Axes, plan: Plan) -> None:
    colours = colours_of(plan)
    sides, shares = [], []
    for name in colours:
        own = routes_of(plan, name)
        sides.append([math.sqrt(route.picture.pixels) for route in own])
        shares.append([100 * route.share for route in own])
    axes.hist(
        sides,
        bins=_BINS,
        weights=shares,
        stacked=True,
        color=list(colours.values()),
        label=list(colours),
    )
    axes.legend(fontsize="x-small", frameon=False)
    axes.set_xlabel("√pixels (px)")
    axes.set_ylabel("pictures (%)")
    axes.set_title("how large they are", fontsize="medium")


def _draw_padding(axes: Axes, plan: Plan) -> None:
    colours, padding = colours_of(plan), padding_of(plan)
    names = [name for name in colours if name in padding]
    axes.barh(names, [100 * padding[name] for name in names], color=[colours[n] for n in names])
    axes.set_yticks(names, names, fontsize="x-small")
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
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
