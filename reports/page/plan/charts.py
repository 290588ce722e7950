"""The plots of a plan's page, as Vega-Lite; the page gives each its data ``rows``, and all of them
the parameter ``picked``: the name of a key to show alone, or nothing."""

from __future__ import annotations

from typing import Any

from reports.page.plan.records import BEST, CHOSEN, LOOSER, PLAIN
from reports.plots.keys import keys_of
from reports.plots.styles import OKABE_ITO
from sizewise.core.specs.plan import Plan

_HEIGHT = 300
_FAR = 1.25
"""A limit beyond so many times the largest memory is not drawn: all else would be a dot."""
_FEW = 60
"""Sizes that have an edge: around thinner slices it would hide the colours."""
_OF_SIZE = {
    "picture": "size of the picture",
    "share": "pictures (%)",
    "engine": "engine",
    "input": "runs at",
    "ms": "latency (ms)",
    "padding": "padding (%)",
    "waste": "computed ÷ needed",
    "accuracy": "accuracy",
}
_OF_SET = {
    "name": "set",
    "engines": "engines",
    "mean": "mean (ms)",
    "memory": "memory (MiB)",
    "accuracy": "accuracy",
    "why": "limits",
    "loads": "loads",
}
_NUMBERS = {"share", "ms", "padding", "waste", "mean", "memory", "engines"}


def charts(plan: Plan) -> dict[str, dict[str, Any]]:
    """By the ids of their places."""
    import altair as alt

    return {
        "slices": _made(_slices(plan, alt), alt),
        "wasted": _made(_wasted(plan, alt), alt),
        "bubbles": _made(_bubbles(plan, alt), alt),
        "sets": _made(_sets(plan, alt), alt),
    }


def limit_shown(plan: Plan) -> float | None:
    """The limit on memory, where it lies near what the sets take."""
    limit = plan.decision.limits.max_memory_mib
    others = (*plan.decision.baselines, *plan.decision.more, *plan.decision.by_engines)
    most = max(plan.predicted.memory_mib, *(one.memory_mib or 0.0 for one in others), 0.0)
    return limit if limit is not None and limit <= _FAR * most else None


def _made(chart: Any, alt: Any) -> dict[str, Any]:
    picked = alt.param("picked", value="")
    whole = chart.add_params(picked).properties(width="container", height=_HEIGHT)
    made: dict[str, Any] = whole.to_dict(validate=True)
    return made


def _rows(plan: Plan, alt: Any) -> Any:
    keys = keys_of(plan)
    scale = alt.Scale(domain=[key.name for key in keys], range=[key.colour for key in keys])
    mine = "picked === '' || datum.key === picked"
    return alt.Chart(alt.NamedData("rows")).encode(
        color=alt.Color("key:N", scale=scale, legend=None),
        opacity=alt.when(mine).then(alt.value(0.9)).otherwise(alt.value(0.12)),
        tooltip=_tooltip(_OF_SIZE, alt),
    )


def _slices(plan: Plan, alt: Any) -> Any:
    sides = alt.X("from:Q", title="√(height × width) of the picture (px)", scale=_free(alt))
    shares = alt.Y("low:Q", title="pictures (%)")
    return _rows(plan, alt).mark_rect(**_edge(plan)).encode(x=sides, x2="to:Q", y=shares, y2="high")


def _wasted(plan: Plan, alt: Any) -> Any:
    shares = alt.X("from:Q", title="pictures (%)", scale=alt.Scale(domain=[0, 100]))
    ratio = alt.Y("waste:Q", title="pixels computed ÷ needed")
    one = alt.Chart(alt.InlineData(values=[{}])).mark_rule(strokeDash=[4, 3]).encode(y=alt.datum(1))
    bars = _rows(plan, alt).mark_rect(**_edge(plan))
    return alt.layer(bars.encode(x=shares, x2="to:Q", y=ratio, y2=alt.datum(0)), one)


def _bubbles(plan: Plan, alt: Any) -> Any:
    most = 100 * max(route.share for route in plan.routes)
    area = alt.Size("share:Q", legend=None, scale=alt.Scale(domain=[0, most], range=[10, 700]))
    return (
        _rows(plan, alt)
        .mark_circle(strokeWidth=0)
        .encode(
            x=alt.X("width:Q", title="width of the picture (px)"),
            y=alt.Y("height:Q", title="height of the picture (px)"),
            size=area,
        )
    )


def _sets(plan: Plan, alt: Any) -> Any:
    kinds = [CHOSEN, BEST, PLAIN, LOOSER]
    colours = alt.Scale(domain=kinds, range=[OKABE_ITO[n] for n in (1, 0, 3, 2)])
    shapes = alt.Scale(domain=kinds, range=["circle", "circle", "square", "triangle-up"])
    keeps = "datum.why === '' && (picked === '' || indexof(datum.loaded, picked) >= 0)"
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=alt.X("memory:Q", title="memory of the process (MiB)", scale=_free(alt)),
        y=alt.Y("mean:Q", title="mean latency (ms a picture)", scale=_free(alt)),
        color=alt.Color("kind:N", title=None, scale=colours, legend=_below(alt)),
        tooltip=_tooltip(_OF_SET, alt),
    )
    best = base.transform_filter(f"datum.kind === '{BEST}'")
    line = best.mark_line(strokeWidth=1.6).encode(order="engines:Q", tooltip=alt.value(None))
    dots = base.transform_filter(f"datum.kind !== '{CHOSEN}'").mark_point(filled=True, size=70)
    dots = dots.encode(
        shape=alt.Shape("kind:N", title=None, scale=shapes, legend=_below(alt)),
        opacity=alt.when(keeps).then(alt.value(1)).otherwise(alt.value(0.25)),
    )
    text = best.mark_text(dy=-11, fontWeight="bold").encode(text="engines:Q")
    chosen = base.transform_filter(f"datum.kind === '{CHOSEN}'")
    ring = chosen.mark_point(size=320, strokeWidth=2.5, filled=False)
    return alt.layer(*_limit(plan, alt), line, dots, text, ring)


def _limit(plan: Plan, alt: Any) -> list[Any]:
    limit = limit_shown(plan)
    if limit is None:
        return []
    row = alt.Chart(alt.InlineData(values=[{"name": "limit"}])).encode(x=alt.datum(limit))
    return [
        row.mark_rule(strokeDash=[4, 3]),
        row.mark_text(align="right", dx=-5, dy=4).encode(y=alt.value(8), text="name:N"),
    ]


def _below(alt: Any) -> Any:
    return alt.Legend(orient="bottom", columns=2, labelLimit=200, symbolOpacity=1)


def _free(alt: Any) -> Any:
    return alt.Scale(zero=False, nice=True, padding=14)


def _edge(plan: Plan) -> dict[str, Any]:
    """A line around each size, where there are few enough to be told apart."""
    few = len(plan.routes) <= _FEW
    return {"stroke": "#808080", "strokeWidth": 0.4} if few else {"strokeWidth": 0}


def _tooltip(names: dict[str, str], alt: Any) -> list[Any]:
    return [
        alt.Tooltip(
            f"{name}:{'Q' if name in _NUMBERS else 'N'}",
            title=title,
            **({"format": ".3~g"} if name in _NUMBERS - {"engines"} else {}),
        )
        for name, title in names.items()
    ]
