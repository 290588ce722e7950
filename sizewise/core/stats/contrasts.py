"""How two results compare: by turns where they had them, else through the anchor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from sizewise.core.stats.anchored import anchored_of, one_anchor, over_anchor
from sizewise.core.stats.clusters import builds_differ, clusters
from sizewise.core.stats.estimates import Array, Estimate, mean_of, paired_of
from sizewise.core.stats.measured import Key, Measured, by_wave, measured
from sizewise.core.stats.ratios import Ratio, ratio_of
from sizewise.core.trials import Result

FEW_WAVES = 2
"""A ratio needs as many waves to have an interval."""


def contrast(
    a: Result, b: Result, among: Iterable[Result] = (), *, same_file: bool = True
) -> Ratio:
    """Latency of ``a`` over that of ``b``. Raises RecordError where either has no samples.

    ``among`` are the results of their group: what is known of their noise makes the interval
    narrower. Waves and runs are numbered by file, so that results of two files were never measured
    by turns, nor in the same run.
    """
    ours, theirs = measured(a), measured(b)
    if a.trial.harness != b.trial.harness:
        return _apart(ours, theirs)
    if same_file:
        keys = tuple(key for key in ours.keys if key in theirs.keys)
        if len({wave for wave, _, _ in keys}) >= FEW_WAVES:
            others = [
                measured(one) for one in among if one.blocks and one is not a and one is not b
            ]
            return _together(ours, theirs, others, keys)
    return _anchored(ours, theirs, same_file=same_file)


def _together(
    ours: Measured, theirs: Measured, others: Sequence[Measured], keys: tuple[Key, ...]
) -> Ratio:
    rest = [one.means(keys) for one in others if one.has(keys)]
    waves = list(dict.fromkeys(wave for wave, _, _ in keys))
    estimate = _paired(
        ours.means(keys),
        theirs.means(keys),
        np.stack(rest) if rest else None,
        [ours.rebuilds[wave] for wave in waves],
    )
    disturbed = not ours.disturbed.isdisjoint(waves) or not theirs.disturbed.isdisjoint(waves)
    return ratio_of(
        estimate,
        "together",
        waves=len(waves),
        shared=0.0,
        disturbed=disturbed,
        crowded=ours.crowded or theirs.crowded,
    )


def _paired(ours: Array, theirs: Array, rest: Array | None, rebuilds: Sequence[int]) -> Estimate:
    if builds_differ(ours - theirs, rebuilds):
        return mean_of(clusters(ours - theirs, rebuilds))
    return paired_of(ours, theirs, rest)


def _anchored(ours: Measured, theirs: Measured, *, same_file: bool) -> Ratio:
    mine, others = over_anchor(ours), over_anchor(theirs)
    if min(len(mine.waves), len(others.waves)) < FEW_WAVES or not one_anchor(ours, theirs):
        return _apart(ours, theirs)
    estimate, between = anchored_of(mine, others, same_file=same_file)
    return ratio_of(
        estimate,
        "anchored",
        waves=min(len(mine.waves), len(others.waves)),
        shared=math.sqrt(between),
        disturbed=bool(ours.disturbed | theirs.disturbed),
        crowded=ours.crowded or theirs.crowded,
    )


def _apart(ours: Measured, theirs: Measured) -> Ratio:
    logs = [float(by_wave(list(one.keys), one.log_ns).mean()) for one in (ours, theirs)]
    return Ratio(
        ratio=math.exp(logs[0] - logs[1]),
        waves=min(len(ours.waves), len(theirs.waves)),
        disturbed=bool(ours.disturbed | theirs.disturbed),
    )
