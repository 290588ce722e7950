"""Fusion modes side by side: one network whose scales are merged in several ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from reports.load import Records
from sizewise.core.stats import Ratio, compare_results

USUAL_REFERENCE = "average"
"""The simplest mode that takes all scales: the others are worth what they gain on it."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The rows of one input size. A mode is a network (by its fusion), a setting what runs it; both
    are columns of ``rows``, and words of the engine's name. ``reference`` is a fusion."""

    size: str
    rows: pd.DataFrame
    reference: str

    @property
    def modes(self) -> list[str]:
        return list(self.rows["mode"].unique())

    @property
    def settings(self) -> list[str]:
        return list(self.rows["setting"].unique())

    def row(self, mode: str, setting: str) -> pd.Series | None:
        return _only(self.rows, mode=mode, setting=setting)

    def measured_row(self, mode: str, setting: str) -> pd.Series | None:
        """None also where there is a row without latency."""
        return _only(self.measured, mode=mode, setting=setting)

    def reference_row(self, setting: str) -> pd.Series | None:
        """The first of the reference's networks that was measured in this setting."""
        return _only(self.measured, fusion=self.reference, setting=setting)

    def scores(self, metric: str) -> pd.Series[float]:
        """By mode: the mean over its settings, whose precisions may differ; without the unknown."""
        return self.rows.groupby("mode", sort=False)[metric].mean().dropna()

    @property
    def measured(self) -> pd.DataFrame:
        return self.rows[self.rows["median_ms"].notna()]


def _only(rows: pd.DataFrame, **wanted: str) -> pd.Series | None:
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return None if rows.empty else rows.iloc[0]


def compare_modes(records: Records) -> tuple[Comparison, ...]:
    """One for each size, the smallest first; none where every network has one fusion."""
    frame = records.frame
    rivals = frame[frame.groupby("network")["fusion"].transform("nunique") > 1]
    if rivals.empty:
        return ()
    known = rivals["fusion"].unique()
    reference = USUAL_REFERENCE if USUAL_REFERENCE in known else str(known[0])
    sizes = rivals.sort_values("pixels", kind="stable")["size"].unique()
    return tuple(
        Comparison(size=size, rows=rivals[rivals["size"] == size], reference=reference)
        for size in sizes
    )


def main_settings(rows: pd.DataFrame) -> list[str]:
    """Three at most, and those with an engine per size where there are any: what one engine for all
    sizes costs is told elsewhere."""
    settings = rows.drop_duplicates("setting")
    static = settings["strategy"] == "static"
    return list(settings[static if static.any() else ~static]["setting"])[:3]


def latency_ratio(records: Records, row: pd.Series, base: pd.Series) -> Ratio:
    """Latency of ``row`` over that of ``base``, both measured."""
    return compare_results(records.result(row), records.result(base))


def trusted(ratio: Ratio, rows: Iterable[pd.Series]) -> bool:
    """Measured by turns, and none of ``rows`` doubtful."""
    return ratio.paired and not any(row["doubts"] for row in rows)
