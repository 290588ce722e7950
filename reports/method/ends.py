"""When measuring ended, and how narrow ratios were then."""

from __future__ import annotations

from collections.abc import Sequence

from bench.planning.protocol import Protocol
from reports.columns import Row
from reports.rows.grouping import sizes_of
from reports.text.words import counted, listed, plus_minus, times
from sizewise.core.specs import Size
from sizewise.core.stats import RIGORS, Rigor, enough


def ends(rows: Sequence[Row], protocols: Sequence[Protocol], limits: Sequence[float]) -> str:
    """When measuring ended, and how narrow the ratios of each size were then. ``limits`` are those
    of time that runs set, in minutes."""
    requests = dict.fromkeys((one.rigor, one.processes) for one in protocols)
    if len(requests) == 1:
        return _stopped(rows, protocols[0], limits)
    if not requests:
        return ""
    asked = listed(
        counted(processes, "wave") if processes else f"rigor {rigor}"
        for rigor, processes in requests
    )
    reached = "; ".join(_reached(rows, size) for size in sizes_of(rows))
    return f"Runs and tables asked for different ends: {asked}. So there were {reached}."


def _stopped(rows: Sequence[Row], protocol: Protocol, limits: Sequence[float]) -> str:
    rigor = RIGORS[protocol.rigor]
    if protocol.processes:
        return f"As requested, there were {counted(protocol.processes, 'wave')} of each size."
    ended = "; ".join(_reached(rows, size, rigor) for size in sizes_of(rows))
    return (
        f"Rigor {rigor.name}: waves were added until the ratio of each engine to the fastest of "
        f"its size was known to ±{100 * rigor.half_width:g} %, {rigor.min_waves} at least and "
        f"{rigor.max_waves} at most, while there was time. {ended}."
        f"{_cut_short(rows, rigor, limits)}"
    )


def _cut_short(rows: Sequence[Row], rigor: Rigor, limits: Sequence[float]) -> str:
    """That sizes have fewer waves than the least number; empty where none has."""
    groups = ([row.result for row in rows if row.size == size] for size in sizes_of(rows))
    short = sum(enough(group, rigor).waves < rigor.min_waves for group in groups)
    if not short:
        return ""
    minutes = listed(f"{limit:g} minutes" for limit in limits)
    limit = f" The limit of time was {minutes}." if minutes else ""
    return (
        f" So measuring was stopped before {counted(short, 'size')} had the least number of waves."
        f"{limit}"
    )


def _reached(rows: Sequence[Row], size: Size, wanted: Rigor | None = None) -> str:
    """The waves of one size, the widest ratio, and whether that is what was ``wanted``."""
    group = [row.result for row in rows if row.size == size]
    progress = enough(group, wanted or RIGORS["standard"])
    width = "" if progress.half_width is None else f", {plus_minus(progress.half_width)}"
    missed = ", not reached" if wanted and not progress.enough else ""
    return f"{times(size)}: {counted(progress.waves, 'wave')}{width}{missed}"
