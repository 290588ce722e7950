"""The figures of docs/plan.md, from their record (python -m docs.make.planning), which
``python -m docs.make.planning measure`` makes: how near the best large plans are."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from docs.make.method.records import MISSING, now, origin, read_record, write_record
from docs.make.method.words import where
from docs.make.pages import HOUSE, fill, grid
from reports.choice.planning.deciding import decide
from sizewise.cli import console
from tests.reports.choice.planning.large import Case, cases

PAGE = HOUSE / "docs" / "plan.md"
RECORD = "planning-gaps"
SECONDS = 10.0
"""Of CPU time, for a plan: other programs are not in it."""


def main() -> None:
    if "measure" in sys.argv[1:]:
        measure()
    fill(PAGE, {"gaps": gaps})


def measure() -> None:
    started, before, rows = now(), origin(), list[dict[str, Any]]()
    for case in cases():
        rows.append(_measured(case))
        console.remark(f"{case.name}: {rows[-1]}")
        record = {"started": started, "ended": now(), "seconds": SECONDS, "rows": rows}
        write_record(RECORD, before | record)


def _measured(case: Case) -> dict[str, Any]:
    setting = case.setting()
    cpu, wall = time.process_time(), time.monotonic()
    decided = decide(setting, seconds=SECONDS, clock=time.process_time)
    known = {
        "name": case.name,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.monotonic() - wall,
    }
    if decided is None:
        return known | {"gap": 1.0, "engines": 0}
    return known | {"gap": decided.gap, "engines": len(decided.engines)}


def gaps() -> Sequence[str]:
    record = read_record(RECORD)
    return MISSING if record is None else _told(record)


def _told(record: Any) -> list[str]:
    found = record["rows"]
    heads = ("case", "engines", "CPU (s)", "wall (s)", "proven gap")
    rows = [
        (
            one["name"],
            one["engines"],
            f"{one['cpu_s']:.1f}",
            f"{one['wall_s']:.1f}",
            f"{one['gap']:.2%}",
        )
        for one in found
    ]
    known = [one["gap"] for one in found]
    within = sum(gap <= 0.01 for gap in known)
    return [
        *grid(heads, rows),
        "",
        f"Gaps: least {min(known):.2%}, median {statistics.median(known):.2%}, largest "
        f"{max(known):.2%}; {within} of {len(known)} are at most 1 %. {where(record)}",
    ]


if __name__ == "__main__":
    main()
