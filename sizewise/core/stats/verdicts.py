"""What is said of ratios: FASTER, SLOWER, SAME, or that it is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sizewise.core.stats.estimates import Array
from sizewise.core.stats.ratios import Ratio
from sizewise.core.trials.rigor import Rigor

Verdict = Literal["FASTER", "SLOWER", "SAME", "UNCLEAR"]

FALSE_DISCOVERIES = 0.02
"""The goal for two rates: of the differences named, those that are none, over all pairs that a
report speaks of; of lone pairs of equal engines, those that are told apart."""
FALSE_AMONG_NAMED = 0.012
"""The most of the former, simulated, where one of four engines takes a tenth more than the others
(reports/measured/method-simulations.json). Where all are equal, all that is named is none."""
FALSE_IN_SIMULATION = 0.022
"""The most of the latter, where measuring ends by itself: the goal is missed. That is of the seeds
that the level was chosen on; on others it was 2.1 %, and 1.7 % where the number of waves is
fixed."""
LEVEL = 0.016
"""At what level pairs are tested: variances are estimated, noise is not quite normal, and measuring
ends when an interval is narrow. The level decides between two goals: 0.014
brings false ones to 1.9 % everywhere, and leaves 79 % of the differences of 10 % between runs to be
found; 0.0175 finds 81 %, with up to 2.4 % false. Here 80 % are found."""
SAME_CONFIDENCE = 0.90
"""Two one-sided tests at 5 % (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15,
1987)."""


def verdicts(ratios: Sequence[Ratio], rigor: Rigor) -> tuple[Verdict | None, ...]:
    """What is said of ``a`` in each ratio; None where they were measured apart.

    Hand over all ratios that a report speaks of at once, also those that it chose by their size:
    the more pairs are looked at, the more certain each has to be. FASTER and SLOWER are against 1:
    a difference that is certain is named, however small, with its size beside it. So SAME is said
    where the ratio lies within the rigor's margin and no difference is certain. Nothing but UNCLEAR
    is said where others took too much of the cores: such a ratio is no test.
    """
    tests = (math.nan if r.p is None or r.crowded else r.p for r in ratios)
    p = np.array(list(tests), dtype=np.float64)
    certain = significant(p)
    return tuple(
        _verdict(ratio, bool(sure), rigor) for ratio, sure in zip(ratios, certain, strict=True)
    )


def significant(p: Array, level: float = LEVEL) -> NDArray[np.bool_]:
    """Which of the p values [..., pair] are certain differences: at most a share ``level`` of them
    is false (Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995). NaN is
    no test.

    Pairs that share an engine depend on each other; simulated, this makes no more false ones.
    """
    tests = np.count_nonzero(~np.isnan(p), axis=-1, keepdims=True)
    ordered = np.sort(p, axis=-1)  # NaN last
    steps = np.arange(1, p.shape[-1] + 1) / np.maximum(tests, 1) * level
    passing = np.where(ordered <= steps, ordered, -1.0)
    return np.asarray(p <= passing.max(axis=-1, keepdims=True, initial=-1.0))


def _verdict(ratio: Ratio, certain: bool, rigor: Rigor) -> Verdict | None:
    interval = ratio.log_interval(SAME_CONFIDENCE)
    if interval is None:
        return None
    if ratio.crowded:
        return "UNCLEAR"
    if certain:
        return "FASTER" if ratio.ratio < 1 else "SLOWER"
    low, high = interval
    return "SAME" if -rigor.log_margin < low and high < rigor.log_margin else "UNCLEAR"
