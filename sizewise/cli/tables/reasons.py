"""Why trials of a sweep have no figures: a table for people, a list for machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sizewise.cli import console
from sizewise.cli.failures import first_reasons
from sizewise.cli.options import spell
from sizewise.core.errors import EngineError
from sizewise.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from bench.sweep import SweepOutcome
    from sizewise.core.specs import Size

_NAMED = 3
"""Sizes that a table names one by one."""
_SAME = ("network", "precision", "backend", "strategy", "status", "code", "why")


def _reasons(outcome: SweepOutcome) -> dict[tuple[str, ...], list[Size]]:
    """The sizes of trials that have no figures, or lost a process, by what is the same in them."""
    found: dict[tuple[str, ...], list[Size]] = {}
    for one in outcome.not_all_well:
        cell = one.trial.cell
        engine = (cell.network, cell.precision, cell.backend, cell.strategy)
        key = (*engine, one.status, one.reason_code, one.reason)
        found.setdefault(key, []).append(cell.size)
    return found


def plain_reasons(outcome: SweepOutcome) -> list[dict[str, Any]]:
    """What :func:`say_reasons` shows, for machines."""
    return [
        dict(zip(_SAME, key, strict=True))
        | {"trials": len(sizes), "sizes": [str(size) for size in dict.fromkeys(sizes)]}
        for key, sizes in _reasons(outcome).items()
    ]


def say_reasons(outcome: SweepOutcome) -> None:
    """Show which trials have no figures, or lost a process, and why, where there are any."""
    if found := _reasons(outcome):
        columns = ("network", "engine", "sizes (H×W)", "status", "code", "why")
        rows = [
            (f"{network} {precision}", f"{backend} {strategy}", _listed(sizes), *why)
            for (network, precision, backend, strategy, *why), sizes in found.items()
        ]
        console.show_table("What failed", columns, rows)


def _listed(sizes: Iterable[Size]) -> str:
    """Each size once, the first few of them by name."""
    named = [str(size).replace("x", "×") for size in dict.fromkeys(sizes)]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def nothing_measured(outcome: SweepOutcome) -> EngineError | None:
    """Why nothing came of the sweep; None where the exit code says otherwise."""
    if outcome.exit_code != ExitCode.ERROR:
        return None
    if outcome.unfinished:
        why, todo = "the limit of time was reached first", f"Give more {spell('max_minutes')}."
    else:
        why = first_reasons(one.reason for one in outcome.not_all_well)
        shown = console.command("report", outcome.results)
        todo = f"Choose other engines or sizes. All rows stand in the report: {shown}"
    return EngineError("No trial could be measured", why, todo)
