"""What it took to build the engines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.columns import Row
from reports.rows.grouping import grouped


@dataclass(frozen=True, kw_only=True)
class BuildTotal:
    """The builds of all engines of one name: a static name stands for one engine per size. Seconds
    and MiB are sums of what each engine takes (the median where it was built again and again),
    ``peak_mib`` is the largest builder's (NaN where the system does not say)."""

    engine: str
    strategy: str
    engines: int
    builds: int
    build_s: float
    file_mib: float
    peak_mib: float
    achieved: str


def build_totals(rows: Iterable[Row]) -> list[BuildTotal]:
    """One total for each engine name. Rows without a build count for nothing."""
    built = (row for row in rows if row.result.builds)
    return [_total(group) for group in grouped(built, lambda row: row.engine).values()]


def _total(rows: Sequence[Row]) -> BuildTotal:
    """Every row of a dynamic engine repeats its build; the last one counts, should it have been
    built again."""
    first = rows[0]
    counted = rows if first.strategy == "static" else rows[-1:]
    peaks = [row.build_peak_mib for row in counted]
    achieved = (part for row in rows for part in row.achieved.split("; "))
    return BuildTotal(
        engine=first.engine,
        strategy=first.strategy,
        engines=len(counted),
        builds=sum(row.builds for row in counted),
        build_s=sum(row.build_s for row in counted),
        file_mib=sum(row.file_mib for row in counted),
        peak_mib=max((mib for mib in peaks if not math.isnan(mib)), default=math.nan),
        achieved="; ".join(dict.fromkeys(achieved)),
    )
