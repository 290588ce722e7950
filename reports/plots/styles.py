"""How each engine is drawn, the same in every plot: colour by family, line by strategy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reports.columns import Row

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by colour-blind readers (Okabe and Ito, "Color Universal Design", 2008); without
its yellow, which is too faint on white."""

_BY_STRATEGY: dict[str, dict[str, Any]] = {
    "static": {"linestyle": "-", "markersize": 4},
    "dynamic": {"linestyle": "--", "markersize": 7, "markerfacecolor": "none"},
    "profiles": {"linestyle": ":", "markersize": 9, "markerfacecolor": "none"},
}
"""So that one can be seen inside another: engines of one back end often lie close together."""
_MARKERS = {"static": "oDPX", "dynamic": "spdh", "profiles": "^v<>"}
"""The next one each time the colours come round again."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """Colour, line and marker of one engine; ``family`` is a number."""

    family: int
    strategy: str

    @property
    def line(self) -> dict[str, Any]:
        turn, colour = divmod(self.family, len(OKABE_ITO))
        markers = _MARKERS[self.strategy]
        own = {"color": OKABE_ITO[colour], "marker": markers[turn % len(markers)], "linewidth": 1.4}
        return own | _BY_STRATEGY[self.strategy]

    @property
    def dot(self) -> dict[str, Any]:
        """The same without a line."""
        return self.line | {"linestyle": "none"}


def styles(rows: Iterable[Row]) -> dict[str, Style]:
    """The style of each engine by its name, in the order of the file."""
    families: dict[str, int] = {}
    found: dict[str, Style] = {}
    for row in rows:
        family = families.setdefault(row.family, len(families))
        found.setdefault(row.engine, Style(family=family, strategy=row.strategy))
    return found
