"""How the engines of a plan are told apart: by number, colour and hatch. Of many, those that serve
the most pictures; the others together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.choice.planning.padding import routes_of
from reports.plots.axes import named
from reports.plots.styles import OKABE_ITO
from reports.text.words import counted
from sizewise.core.specs.plan import Plan, Route

MOST = 12
"""Keys of a plan."""
_COLOURS = (*OKABE_ITO, "#9467BD", "#999933", "#882255", "#88CCAA", "#8C564B")
"""The last ones are less easily told apart: they are hatched, too."""
_HATCH = "/////"
_GREY = "#999999"
_NAME, _LINE, _MARK, _COLUMNS = 60, 150, 10, 4
"""Letters of a name, of a line below a figure, those in whose place a mark stands; most columns."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """``name`` is an engine's, or says how many others there are; ``number`` is the engine's place
    in the plan, from 1, or a word. ``routes`` is what they serve."""

    name: str
    number: str
    engines: tuple[str, ...]
    routes: Sequence[Route]
    colour: str
    hatch: str = ""


def keys_of(plan: Plan) -> list[Key]:
    """In the order of the plan, the others last."""
    served = {engine.name: routes_of(plan, engine.name) for engine in plan.engines}
    names = list(served)
    own = names if len(names) <= MOST else _largest(served, MOST - 1)
    keys = [
        Key(
            name=name,
            number=str(names.index(name) + 1),
            engines=(name,),
            routes=served[name],
            colour=_COLOURS[place],
            hatch=_HATCH if place >= len(OKABE_ITO) else "",
        )
        for place, name in enumerate(own)
    ]
    if rest := tuple(name for name in names if name not in own):
        together = [route for name in rest for route in served[name]]
        name = counted(len(rest), "other")
        keys.append(Key(name=name, number="others", engines=rest, routes=together, colour=_GREY))
    return keys


def add_legend(figure: Figure, keys: Sequence[Key]) -> None:
    """Name the keys below the figure."""
    labels = [_label(key) for key in keys]
    columns = _LINE // (max(map(len, labels)) + _MARK)
    shown = figure.legend(
        [Patch(facecolor=key.colour, hatch=key.hatch, edgecolor="white") for key in keys],
        labels,
        loc="outside lower center",
        ncols=max(1, min(columns, _COLUMNS, len(keys))),
        frameon=False,
        fontsize="small",
    )
    for text in shown.get_texts():
        text.set_parse_math(False)


def _label(key: Key) -> str:
    return f"{key.number}: {named(key.name, _NAME)}" if len(key.engines) == 1 else key.name


def _largest(served: dict[str, list[Route]], most: int) -> list[str]:
    """Those that serve the most pictures, in their order."""
    shares = {name: sum(route.share for route in routes) for name, routes in served.items()}
    chosen = sorted(shares, key=lambda name: -shares[name])[:most]
    return [name for name in served if name in chosen]
