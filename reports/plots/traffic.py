"""The sizes that come: which, how many of each, and how they follow each other."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.plots.styles import OKABE_ITO
from reports.text.words import counted
from sizewise.core.specs.traffic import Traffic

_LARGEST_DOT, _SMALLEST_DOT = 500.0, 6.0
"""Points squared."""
_BINS = 40
_FOLLOWED = 400
"""Pictures whose order is drawn."""


def traffic_figure(traffic: Traffic) -> Figure:
    """Height against width, a dot as large as its share; a histogram of √pixels; the stream."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    places = figure.subplot_mosaic(
        [["sizes", "pixels"], ["stream", "stream"]], height_ratios=(2, 1)
    )
    _draw_sizes(places["sizes"], traffic)
    _draw_pixels(places["pixels"], traffic)
    _draw_stream(places["stream"], traffic)
    for axes in places.values():
        axes.grid(visible=True, color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    pictures, sizes = len(traffic.stream), len(traffic.counts)
    figure.suptitle(
        f"{traffic.name}: {counted(pictures, 'picture')} of {counted(sizes, 'size')}",
        parse_math=False,
    )
    return figure


def _draw_sizes(axes: Axes, traffic: Traffic) -> None:
    counts = traffic.counts
    most = max(counts.values())
    dots = [max(_SMALLEST_DOT, _LARGEST_DOT * count / most) for count in counts.values()]
    axes.scatter(
        [size.width for size in counts],
        [size.height for size in counts],
        s=dots,
        color=OKABE_ITO[0],
        alpha=0.5,
        linewidths=0,
    )
    end = 1.08 * max(max(size.height, size.width) for size in counts)
    axes.plot([0, end], [0, end], color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_xlabel("width (px)")
    axes.set_ylabel("height (px)")
    axes.set_title("sizes, by how many have them", fontsize="medium")


def _sides(traffic: Traffic) -> list[float]:
    return [math.sqrt(size.pixels) for size in traffic.stream]


def _draw_pixels(axes: Axes, traffic: Traffic) -> None:
    sides = _sides(traffic)
    least, most = min(sides), max(sides)
    bins = np.linspace(least, most, _BINS + 1) if most > least else np.array([least - 1, least + 1])
    axes.hist(sides, bins=bins.tolist(), color=OKABE_ITO[0])
    axes.set_xlabel("√pixels (px)")
    axes.set_ylabel("pictures")
    axes.set_title("how large they are", fontsize="medium")


def _draw_stream(axes: Axes, traffic: Traffic) -> None:
    sides = _sides(traffic)[:_FOLLOWED]
    axes.plot(range(1, len(sides) + 1), sides, drawstyle="steps-mid", color=OKABE_ITO[1], lw=1)
    pairs = max(1, len(traffic.stream) - 1)
    axes.set_title(
        f"one after another; {100 * traffic.changes / pairs:.0f} % have another size than the one "
        "before",
        fontsize="medium",
    )
    axes.set_xlabel(f"picture (the first {len(sides)})")
    axes.set_ylabel("√pixels (px)")
    axes.set_ylim(bottom=0)
