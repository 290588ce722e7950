"""The plot of a page, as Vega-Lite: made with Altair, drawn by the page itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from reports.plots.styles import OKABE_ITO

_TOOLTIP = {
    "engine": "engine",
    "size": "size",
    "precision": "precision",
    "latency": "latency (ms)",
    "low": "95 % from (ms)",
    "high": "95 % to (ms)",
    "score": "",
    "memory": "memory (MiB)",
    "rate": "images/s",
    "calls": "calls",
    "disturbed": "disturbed",
}
_IS_CHOSEN = "indexof(chosen, datum.id) >= 0"
_MANY = 300
"""Points from which on only chosen ones have intervals: those of all would hide each other."""


@cache
def vega() -> str:
    """The source of Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed"))


def chart(heading: str, backends: Iterable[str], strategies: Iterable[str]) -> dict[str, Any]:
    """Score against latency, coloured by back end and shaped by strategy, with intervals; what is
    over the budget is pale. The page gives the data ``points``, the parameter ``budget`` (ms) and
    ``chosen`` (ids), so that the specification is as small for 5,000 points as for five."""
    import altair as alt

    base = alt.Chart(alt.NamedData("points")).encode(
        x=alt.X(
            "latency:Q",
            title="latency per call (ms)",
            scale=alt.Scale(type="log", nice=False, padding=18),
        ),
        y=alt.Y("score:Q", title=heading, scale=alt.Scale(zero=False, nice=False, padding=18)),
        color=_by("backend", "back end", list(backends), alt),
    )
    budget, chosen = alt.param("budget", value=0), alt.param("chosen", value=[])
    told = base.transform_filter(f"length(data('points')) < {_MANY} || {_IS_CHOSEN}")
    ranges = told.mark_rule(opacity=0.45).encode(x="low:Q", x2="high:Q")
    heights = told.mark_rule(opacity=0.45).encode(y="score_low:Q", y2="score_high:Q")
    dots = base.mark_point(filled=True, size=70).encode(
        shape=alt.Shape("strategy:N", title="strategy", scale=alt.Scale(domain=list(strategies))),
        opacity=alt.when("datum.latency <= budget").then(alt.value(1)).otherwise(alt.value(0.25)),
        tooltip=_tooltip(heading, alt),
    )
    ring = base.transform_filter(_IS_CHOSEN).mark_point(size=320, strokeWidth=2.5, filled=False)
    layers = alt.layer(ranges, heights, ring, dots).add_params(budget, chosen)
    made: dict[str, Any] = layers.properties(width="container", height=340).to_dict(validate=True)
    return made


def _by(field: str, title: str, domain: Sequence[str], alt: Any) -> Any:
    colours = [OKABE_ITO[turn % len(OKABE_ITO)] for turn in range(len(domain))]
    scale = alt.Scale(domain=domain, range=colours)
    legend = alt.Legend(symbolOpacity=1, symbolType="circle", symbolStrokeWidth=0)
    return alt.Color(f"{field}:N", title=title, scale=scale, legend=legend)


def _tooltip(heading: str, alt: Any) -> list[Any]:
    numbers = {"latency", "low", "high", "score", "memory", "rate"}
    return [
        alt.Tooltip(
            f"{name}:{'Q' if name in numbers else 'N'}",
            title=title or heading,
            **({"format": ".4~g"} if name in numbers else {}),
        )
        for name, title in _TOOLTIP.items()
    ]
