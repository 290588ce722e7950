"""How long an export of four precisions takes beside an earlier version, for docs/engines.md."""

from __future__ import annotations

import math

from docs.make.engines.pages import MISSING, read_record
from docs.make.method.words import SAID, where
from docs.make.pages import grid
from sizewise.core.stats import mean_interval

MOST = 0.35
"""The share of the earlier time that it may take."""


def export_time() -> list[str]:
    """The claim, and the seconds of each round."""
    record = read_record("export-time")
    if not record or not record["rounds"]:
        return [MISSING]
    rounds = record["rounds"]
    found = mean_interval([math.log(one["now"] / one["before"]) for one in rounds]).exponential()
    complete = len(rounds) >= record["planned"]
    if found.low is None or found.high is None or not complete:
        answer, ends = "not shown", ""
    else:
        answer = "yes" if found.high <= MOST else "no" if found.low > MOST else "not shown"
        ends = f" ({found.low:.3f} to {found.high:.3f})"
    first = {name: f"{seconds:.1f}" for name, seconds in record["export_s"].items()}
    rows = [["FP32, from PyTorch", first["before"], first["now"]]] + [
        [f"{record['precisions']}, round {number}", f"{one['before']:.1f}", f"{one['now']:.1f}"]
        for number, one in enumerate(rounds, start=1)
    ]
    return [
        f"The claim {SAID[answer]}: four precisions take at most {MOST:g} of the time that they "
        f"took at {record['reference']}. It is {found.point:.3f}{ends}.",
        "",
        *grid(("written", f"s at {record['reference']}", "s now"), rows),
        "",
        where(record),
    ]
