"""What it took to build the engines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.columns import Row
from reports.grouping import grouped


@dataclass(frozen=True, kw_only=True)
class BuildTotal:
    """The builds of all engines of one name: a static name stands for one engine per size."""

    engine: str
    strategy: str
    engines: int
    build_s: float
    file_mib: float
    achieved: str


def build_totals(rows: Iterable[Row]) -> list[BuildTotal]:
    """One total for each engine name. Rows without a build count for nothing."""
    built = (row for row in rows if row.result.build is not None)
    return [_total(group) for group in grouped(built, lambda row: row.engine).values()]


def _total(rows: Sequence[Row]) -> BuildTotal:
    """Every row of a dynamic engine repeats its build; the last one counts, should it have been
    built again."""
    first = rows[0]
    counted = rows if first.strategy == "static" else rows[-1:]
    return BuildTotal(
        engine=first.engine,
        strategy=first.strategy,
        engines=len(counted),
        build_s=sum(row.build_s for row in counted),
        file_mib=sum(row.file_mib for row in counted),
        achieved="; ".join(dict.fromkeys(row.achieved for row in rows)),
    )
