"""What the tables of docs/method.md have in common."""

from __future__ import annotations

from collections.abc import Sequence

from docs.make.method.verdicts import Record

SAID = {"yes": "holds", "no": "does not hold", "not shown": "is not shown to hold"}
"""An answer, of a rule or of a claim."""


def interval(one: Record) -> str:
    """The ends of a ratio's interval."""
    if one["low"] is None or one["high"] is None:
        return "none"
    return f"{one['low']:.3f} to {one['high']:.3f}"


def span(parts: Sequence[Record]) -> dict[str, str]:
    """When the first of ``parts`` started, and when the last ended."""
    return {
        "started": min(one["started"] for one in parts),
        "ended": max(one["ended"] for one in parts),
    }


def where(record: Record) -> str:
    """The machine, the commit and the time of a record."""
    machine = record["environment"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores; {commit(record)}, {record['started']} to "
        f"{record['ended']}."
    )


def commit(record: Record) -> str:
    """The commit, and the code that differed from it; records and pages are no code."""
    names = [line.split()[-1] for line in record["changed_files"]]
    code = [name for name in names if name.endswith(".py")]
    differed = f", with changes in {', '.join(f'`{name}`' for name in code)}" if code else ""
    return f"commit {record['commit'][:10]}{differed}"
