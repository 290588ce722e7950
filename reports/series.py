"""How each engine is drawn, the same in every picture: colour by family, line by strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by colour-blind readers (Okabe and Ito, "Color Universal Design", 2008); without
its yellow, which is too faint on white."""

_BY_STRATEGY: dict[str, dict[str, Any]] = {
    "static": {"linestyle": "-", "marker": "o", "markersize": 4},
    "dynamic": {"linestyle": "--", "marker": "s", "markersize": 7, "markerfacecolor": "none"},
    "profiles": {"linestyle": ":", "marker": "^", "markersize": 9, "markerfacecolor": "none"},
}
"""So that one can be seen inside another: engines of one back end often lie close together."""


@dataclass(frozen=True, kw_only=True)
class Style:
    colour: str
    strategy: str

    @property
    def line(self) -> dict[str, Any]:
        return {"color": self.colour, "linewidth": 1.4} | _BY_STRATEGY[self.strategy]

    @property
    def dot(self) -> dict[str, Any]:
        """The same without a line."""
        return self.line | {"linestyle": "none"}


def styles(frame: pd.DataFrame) -> dict[str, Style]:
    """By engine name, in the order of filing; colours come round again after the seventh."""
    families = {family: number for number, family in enumerate(frame["family"].unique())}
    engines = frame.drop_duplicates("engine")
    return {
        engine: Style(colour=OKABE_ITO[families[family] % len(OKABE_ITO)], strategy=strategy)
        for engine, family, strategy in zip(
            engines["engine"], engines["family"], engines["strategy"], strict=True
        )
    }
