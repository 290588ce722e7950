"""Whether a group of engines was measured long enough."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sizewise.core.stats.anchored import one_anchor, over_anchor
from sizewise.core.stats.contrasts import contrast
from sizewise.core.stats.estimates import half_width
from sizewise.core.stats.intervals import CONFIDENCE
from sizewise.core.stats.measured import measured
from sizewise.core.stats.summary import log_latency
from sizewise.core.trials import Result
from sizewise.core.trials.rigor import Rigor


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a group is. ``half_width`` is that of its widest ratio to the fastest, as a share
    (None while there is none); ``enough`` says that it is under the rigor's."""

    waves: int
    half_width: float | None
    enough: bool


def enough(results: Sequence[Result], rigor: Rigor) -> Progress:
    """How far the group of ``results`` is; those without samples are left out.

    A single engine is held to its ratio to the anchor, and without one to its own latency. Where
    the rigor rebuilds engines, each build is in two waves at least.
    """
    group = [result for result in results if result.blocks]
    waves = min((len(measured(one).waves) for one in group), default=0)
    widths = _widths(group)
    known = [width for width in widths if width is not None]
    widest = max(known) if known and len(known) == len(widths) else None
    reached = widest is not None and widest <= rigor.half_width
    rebuilt = all(_builds(one) >= rigor.rebuilds for one in group)
    return Progress(
        waves=waves,
        half_width=widest,
        enough=reached and rebuilt and waves >= rigor.min_waves,
    )


def _builds(result: Result) -> int:
    """Builds that were in two waves at least; a single one needs no second."""
    counts = Counter(measured(result).rebuilds.values()).values()
    return max(1, sum(count > 1 for count in counts))


def _widths(group: Sequence[Result]) -> list[float | None]:
    if len(group) == 1:
        return [_alone(group[0])]
    if not group:
        return []
    fastest = min(group, key=lambda one: contrast(one, group[0], group).ratio)
    return [contrast(one, fastest, group).width for one in group if one is not fastest]


def _alone(result: Result) -> float | None:
    one = measured(result)
    anchored = over_anchor(one)
    tied = len(anchored.waves) == len(one.waves) and one_anchor(one)
    half = float(half_width(anchored.estimate() if tied else log_latency(one), CONFIDENCE))
    return None if math.isnan(half) else math.expm1(half)
