"""Fusion modes side by side: one network whose scales are merged in several ways."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.analysis.accuracies import gain
from reports.analysis.tradeoffs import scored_by
from reports.columns import Row
from reports.rows.grouping import grouped, measured_of, sizes_of
from sizewise.core.specs import Size
from sizewise.core.stats import Interval
from sizewise.core.trials import Metric

USUAL_REFERENCE = "average"
"""The simplest mode that takes all scales: the others are worth what they gain on it."""


@dataclass(frozen=True, kw_only=True)
class FusionModes:
    """The rows of one input size. A mode is a network (by its fusion), a setting what runs it; both
    are columns, and words of the engine's name. ``reference`` is a fusion."""

    size: Size
    rows: tuple[Row, ...]
    reference: str

    @property
    def modes(self) -> list[str]:
        return list(dict.fromkeys(row.mode for row in self.rows))

    @property
    def settings(self) -> list[str]:
        return list(dict.fromkeys(row.setting for row in self.rows))

    @property
    def measured(self) -> list[Row]:
        return measured_of(self.rows)

    def row(self, mode: str, setting: str) -> Row | None:
        return _of(self.rows, mode, setting)

    def measured_row(self, mode: str, setting: str) -> Row | None:
        """None also where there is a row without latency."""
        return _of(self.measured, mode, setting)

    def reference_row(self, setting: str) -> Row | None:
        """The first of the reference's networks that was measured in this setting."""
        named = (row for row in self.measured if row.fusion == self.reference)
        return next((row for row in named if row.setting == setting), None)

    def fusion_of(self, mode: str) -> str:
        return next(row.fusion for row in self.rows if row.mode == mode)

    def scores(self, metric: Metric) -> dict[str, float]:
        """The mean score of each mode over its settings, without modes that have none.

        The precisions of the settings may differ.
        """
        modes = grouped(scored_by(self.rows, metric), lambda row: row.mode)
        return {
            mode: statistics.fmean(row.score(metric) for row in modes[mode])
            for mode in self.modes
            if mode in modes
        }

    def gain(self, mode: str, rival: str, metric: Metric) -> Interval:
        """By how much a mode is more accurate than another: the mean over settings, with the
        interval of the first setting in which both were evaluated on the same images.

        Settings share networks and images, so their mean is known no better than one of them.
        """
        scores, sign = self.scores(metric), -1 if metric.lower_is_better else 1
        point = sign * (scores[mode] - scores[rival])
        for setting in self.settings:
            ours, theirs = (_of(scored_by(self.rows, metric), m, setting) for m in (mode, rival))
            if ours is not None and theirs is not None:
                found = gain(ours, theirs, metric)
                if found.low is not None and found.high is not None:
                    shift = point - found.point
                    return Interval(point=point, low=found.low + shift, high=found.high + shift)
        return Interval(point=point, low=None, high=None)


def _of(rows: Iterable[Row], mode: str, setting: str) -> Row | None:
    return next((row for row in rows if (row.mode, row.setting) == (mode, setting)), None)


def compare_modes(rows: Sequence[Row]) -> tuple[FusionModes, ...]:
    """One for each size, the smallest first; none where every network has one fusion."""
    networks = grouped(rows, lambda row: row.network)
    several = {name for name, group in networks.items() if len({row.fusion for row in group}) > 1}
    rivals = [row for row in rows if row.network in several]
    known = list(dict.fromkeys(row.fusion for row in rivals))
    reference = USUAL_REFERENCE if USUAL_REFERENCE in known else next(iter(known), "")
    return tuple(
        FusionModes(
            size=size, rows=tuple(row for row in rivals if row.size == size), reference=reference
        )
        for size in sizes_of(rivals)
    )


def main_settings(rows: Iterable[Row]) -> list[str]:
    """The first three settings, static ones where there are any.

    What one engine for all sizes costs has a section of its own.
    """
    strategies = {setting: group[0].strategy for setting, group in grouped(rows, _setting).items()}
    static = [setting for setting, strategy in strategies.items() if strategy == "static"]
    return (static or list(strategies))[:3]


def _setting(row: Row) -> str:
    return row.setting
