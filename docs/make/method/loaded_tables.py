"""Known differences on a machine with something else to do, for docs/method.md."""

from __future__ import annotations

from collections.abc import Sequence

from docs.make.method.records import MISSING, read_record
from docs.make.method.verdicts import Record, is_inferred, loaded_answer, rows_disturbed
from docs.make.method.words import SAID, where
from docs.make.pages import grid


def loaded() -> Sequence[str]:
    """Known differences on a machine with something else to do."""
    record = read_record("method-loaded")
    if record is None:
        return MISSING
    measured, waves = record["sweeps"], record["waves"]
    sweeps, planned = len(measured), record["planned"]
    disturbed = sum(rows_disturbed(one, waves) for one in measured)
    inferred = [one for one in measured if is_inferred(one)]
    false, found = record["pairs_false"], record["differences_found"]
    rows = (
        (
            "rows disturbed" + (", inferred" if inferred else ""),
            4 * sweeps,
            f"at most {record['most_disturbed']}",
            disturbed,
        ),
        ("false verdicts", 4 * sweeps, f"at most {record['most_false']}", false),
        ("differences of 10 % found", 2 * sweeps, f"at least {record['least_found']}", found),
    )
    return [
        f"The claim {SAID[loaded_answer(record)]}. {sweeps} of {planned} sweeps were measured, of "
        f"{waves} waves each, beside a program that took "
        f"{100 * record['burnt_of_one_core']:g} % of one core. {_left_out(measured, waves)}",
        "",
        *grid(("counted", "of", "wanted", "found"), rows),
        "",
        *_inferred(inferred, waves),
        where(record),
    ]


def _inferred(sweeps: Sequence[Record], waves: int) -> list[str]:
    """How rows that are marked were told where a sweep did not count them; empty where all did."""
    if not sweeps:
        return []
    worst = max(sweeps, key=lambda one: float(one["disturbed"] / one["rounds"]))
    return [
        f"{len(sweeps)} of the sweeps did not count the rows that a report marks. That none was is "
        "inferred: where waves were left out, enough others stayed, and elsewhere too few rounds "
        f"were disturbed. In the worst sweep {worst['disturbed']} of {worst['rounds']} attempts at "
        f"rounds were disturbed, and {worst['waves']} of {waves} waves stayed.",
        "",
    ]


def _left_out(sweeps: Sequence[Record], waves: int) -> str:
    """How many waves stand in no figure."""
    lost = [waves - one["waves"] for one in sweeps if one["waves"] < waves]
    if not lost:
        return "All waves stand in the figures:"
    return (
        f"Of these {waves * len(sweeps)} waves, {sum(lost)} were disturbed and stand in no figure, "
        f"in {len(lost)} sweeps, {max(lost)} in one at most:"
    )
