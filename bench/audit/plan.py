"""How much an audit measures in the time that it has."""

from __future__ import annotations

from dataclasses import dataclass

from bench.audit.null import CALLS
from bench.audit.turns import Shape

TORCH_MINUTES = 6.0
"""From so many on, PyTorch is measured beside its library too. It takes three seconds to start in
each process, so that in less time each cell would have three waves instead of six or more, and no
interval under ±3 %."""
_FEWEST = 3
_TWINS, _CELLS, _INPUTS = 0.40, 0.45, 0.08
"""Shares of the time: eight waves of the twins take about a minute, and so do six of four cells.
The rest is for the gate."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``calls`` of nothing; the most waves and the time of the twins, of cells and of other images;
    and the ``shape`` of the turns of all but the twins."""

    calls: int
    twin_waves: int
    twin_minutes: float
    cell_waves: int
    cell_s: float
    input_waves: int
    input_s: float
    with_torch: bool
    shape: Shape


def plan_of(minutes: float) -> Plan:
    """What fits into so many ``minutes``: about that, the building of engines apart."""

    def waves(in_a_minute: float, most: int) -> int:
        return max(_FEWEST, min(round(in_a_minute * minutes), most))

    return Plan(
        calls=CALLS,
        twin_waves=waves(8 / 3, 48),
        twin_minutes=_TWINS * minutes,
        cell_waves=waves(4, 48),
        cell_s=_CELLS * 60 * minutes,
        input_waves=waves(4 / 3, 12),
        input_s=_INPUTS * 60 * minutes,
        with_torch=minutes >= TORCH_MINUTES,
        shape=Shape(),
    )
