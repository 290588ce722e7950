"""The figures of docs/serve.md, from the record of a campaign (python -m docs.make.serving)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docs.make.method.records import MISSING
from docs.make.method.words import where
from docs.make.pages import HOUSE, fill, grid
from docs.make.recorded import read_record

PAGE = HOUSE / "docs" / "serve.md"
RECORD = "serving-overload"


def main() -> None:
    fill(PAGE, {"overload": overload, "pool": pool})


def overload() -> Sequence[str]:
    record = read_record(RECORD)
    return MISSING if record is None else _told(record)


def pool() -> Sequence[str]:
    """What a pool adds to its session."""
    record = read_record(RECORD)
    if record is None:
        return MISSING
    found = record["pool"]
    added = found["pool_us"] - found["session_us"]
    return [
        f"A pool adds {added:.0f} µs to a picture that takes its engine's session "
        f"{found['session_us']:.0f} µs with letterbox and boxes, by the medians of "
        f"{found['turns']:,} turns of each. {where(record)}"
    ]


def _told(record: Any) -> list[str]:
    found, calm = record["overload"], record["calm"]
    heads = ("outcome", "requests", "p50 (ms)", "p99 (ms)", "longest (ms)")
    rows = [
        ("right answer", f"{found['served']:,}", *_times(found["served_ms"])),
        ("refused: come again", f"{found['refused']:,}", *_times(found["refused_ms"])),
        ("wrong answer", f"{found['wrong']:,}", "", "", ""),
        ("lost", f"{found['lost'] + found['other']:,}", "", "", ""),
    ]
    return [
        *grid(heads, rows),
        "",
        f"It answered {calm['per_s']:.1f} pictures a second to clients that wait for their "
        f"answers, and got {found['sent_per_s']:.1f} a second for {found['seconds']:.0f} s. "
        f"At most {found['most_taken']:.0f} of its {found['places']} places were taken. "
        f"{where(record)} Load of the machine: {record['load_1min']:.1f}.",
    ]


def _times(quantiles: Any) -> tuple[str, ...]:
    return tuple(f"{quantiles[name]:.0f}" for name in ("p50", "p99", "p100"))


if __name__ == "__main__":
    main()
