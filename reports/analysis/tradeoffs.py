"""Accuracy against latency: which rows compete, and which of them nothing beats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from reports.load import METRICS

TOLERANCE = 0.005
"""Half a point of AP or IoU: what counts as good as the best."""
RANKED_BY = ("ap", "miou")
"""What networks are compared by: detectors, segmenters."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Measured rows whose accuracies compare (one metric, one data set), fastest image first."""

    metric: str
    rows: pd.DataFrame

    @property
    def name(self) -> str:
        return METRICS[self.metric]

    @property
    def accuracy(self) -> pd.Series[float]:
        return self.rows[self.metric]

    @property
    def most_accurate(self) -> pd.Series:
        """The fastest where several are."""
        return self.rows[self.accuracy == self.accuracy.max()].iloc[0]

    @property
    def near(self) -> pd.DataFrame:
        """Rows within ``TOLERANCE`` of the best."""
        return self.rows[self.accuracy >= self.accuracy.max() - TOLERANCE - 1e-12]

    @property
    def good_enough(self) -> pd.DataFrame:
        """The trusted ones of these; all of them where none is."""
        trusted = self.near[self.near["doubts"].map(len) == 0]
        return self.near if trusted.empty else trusted


def contests(frame: pd.DataFrame) -> Iterator[Contest]:
    """One per metric and data set; none where accuracy was not measured."""
    ordered = frame[frame["median_ms"].notna()].sort_values("image_ms", kind="stable")
    for metric in RANKED_BY:
        for _, rows in ordered[ordered[metric].notna()].groupby("data", sort=False):
            yield Contest(metric=metric, rows=rows)


def pareto_front(contest: Contest) -> pd.DataFrame:
    """Rows that no other row beats in both latency per image and accuracy, fastest first."""
    keys = ["image_ms", contest.metric]
    ordered = contest.rows.sort_values(keys, ascending=[True, False], kind="stable")
    best_before = ordered[contest.metric].cummax().shift(fill_value=-1.0)
    return ordered[ordered[contest.metric] > best_before]
