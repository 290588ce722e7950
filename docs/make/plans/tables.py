"""The tables of docs/plan.md that say what plans gain, and whether they keep what they promise
(python -m docs.make.plans.tables)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from docs.make.method.records import MISSING, read_record
from docs.make.method.words import where
from docs.make.pages import HOUSE, fill, grid

PAGE = HOUSE / "docs" / "plan.md"
RECORD = "planning-gains"
PLAN = "the plan"
_REACH = {"mean_ms": 5.0, "memory_mib": 5.0}
"""Per cent that a figure may be off what the plan predicts."""
_POINTS = 0.3
_OTHERS = {
    "best one": "the best one ÷",
    "one static": "one static ÷",
    "one dynamic": "one dynamic ÷",
    "even": "even buckets ÷",
    "first fit": "first fit ÷",
}
"""A part of a choice's name, and what it is called in a head."""


def main() -> None:
    fill(PAGE, {"gains": gains, "kept": kept})


def gains() -> Sequence[str]:
    """What the best single engine and plain choices take, over what the plan takes."""
    record = read_record(RECORD)
    if record is None:
        return MISSING
    heads = ("network, traffic, memory", "sizes", "engines", "mean (ms)", *_OTHERS.values())
    rows = [
        (
            _name(row),
            row["sizes"],
            len(_plan(row)["engines"]),
            f"{_mean(_plan(row), 'mean_ms'):.2f}",
            *(_over(row, part) for part in _OTHERS),
        )
        for row in record["rows"]
    ]
    return [
        *grid(heads, rows),
        "",
        "÷: the mean latency of that choice over the plan's, by turns, with its least and largest "
        f"in {record['rounds']} turns; *: it breaks a limit, as "
        f"expected or as measured. {where(record)}",
    ]


def kept() -> Sequence[str]:
    """What was predicted beside what was measured."""
    record = read_record(RECORD)
    if record is None:
        return MISSING
    heads = (
        *("network, traffic, memory", "mean (ms)", "off", "off at its pace", "p99 (ms)", "off"),
        *("memory (MiB)", "off", "AP", "off", "AP of squares", "off"),
    )
    rows = [
        (
            _name(row),
            *_beside(_plan(row), "mean_ms", ".2f"),
            f"{_paced(_plan(row)):+.1f} %",
            *_beside(_plan(row), "p99_ms", ".2f"),
            *_beside(_plan(row), "memory_mib", ".0f"),
            *_accuracies(_plan(row).get("accuracy")),
            *_accuracies(row["accuracy"]),
        )
        for row in record["rows"]
    ]
    return [*grid(heads, rows), "", *_within(record["rows"])]


def _within(rows: Sequence[Any]) -> list[str]:
    told = [
        f"{sum(abs(_off(_plan(row), name)) <= most for row in rows)} of {len(rows)} {words} are "
        f"within {most:.0f} %"
        for (name, most), words in zip(_REACH.items(), ("means", "memories"), strict=True)
    ]
    paced = sum(abs(_paced(_plan(row))) <= _REACH["mean_ms"] for row in rows)
    told.append(f"{paced} of {len(rows)} means at the machine's pace")
    for of, words in (_plan, "accuracies"), (dict, "accuracies of squares"):
        points = (_points(of(row).get("accuracy")) for row in rows)
        known = [one for one in points if one is not None]
        within = sum(abs(one) <= _POINTS for one in known)
        if known:
            told.append(f"{within} of {len(known)} {words} within {_POINTS} points")
    return [f"{', '.join(told)}. Predicted → measured."]


def _name(row: Any) -> str:
    points = row.get("max_loss_points", 1)
    more = "" if points == 1 else f", {points:g} points"
    return f"{row['network']}, {row['traffic']}, {row['max_memory_mib']:.0f} MiB{more}"


def _plan(row: Any) -> Any:
    return row["choices"][PLAN]


def _mean(choice: Any, figure: str) -> float:
    return statistics.mean(turn[figure] for turn in choice["measured"])


def _over(row: Any, part: str) -> str:
    """The ratio of a plain choice, whose name has this part, and its range over turns."""
    found = [one for name, one in row["choices"].items() if part in name]
    if not found:
        return "none"
    pairs = zip(found[0]["measured"], _plan(row)["measured"], strict=True)
    ratios = [a["mean_ms"] / b["mean_ms"] for a, b in pairs]
    middle = math.exp(statistics.mean(map(math.log, ratios)))
    too_large = _mean(found[0], "memory_mib") > row["max_memory_mib"]
    broken = "*" if too_large or not found[0]["fits"] or _is_worse(row, found[0]) else ""
    return f"{middle:.2f}{broken} ({min(ratios):.2f}–{max(ratios):.2f})"


def _is_worse(row: Any, choice: Any) -> bool:
    """Whether its accuracy was measured, and is below the floor."""
    known = choice.get("accuracy")  # older records have none
    return known is not None and known["measured"] < row["floor"]


def _beside(choice: Any, figure: str, form: str) -> tuple[str, str]:
    expected, measured = choice["expected"][figure], _mean(choice, figure)
    return f"{expected:{form}} → {measured:{form}}", f"{_off(choice, figure):+.1f} %"


def _off(choice: Any, figure: str) -> float:
    return 100 * (_mean(choice, figure) / choice["expected"][figure] - 1)


def _paced(choice: Any) -> float:
    """What the mean is off by beside the speed that the machine itself had in each turn."""
    means = (turn["mean_ms"] / turn["pace"] for turn in choice["measured"])
    return 100 * (statistics.mean(means) / choice["expected"]["mean_ms"] - 1)


def _accuracies(one: Any) -> tuple[str, str]:
    points = _points(one)
    if points is None:
        return "not measured", ""
    return f"{one['expected']:.3f} → {one['measured']:.3f}", f"{points:+.1f}"


def _points(one: Any) -> float | None:
    if one is None or one["expected"] is None or one["measured"] is None:
        return None
    return float(100 * (one["measured"] - one["expected"]))


if __name__ == "__main__":
    main()
