"""``sizewise best``: which engine to ship under a budget of latency, memory and accuracy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from reports.choice.budget import POINT, Budget, Miss, memory_of
from reports.choice.choosing import Choice
from reports.choice.rivals import is_open
from reports.choice.telling import told
from reports.columns import Row
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core.exit_codes import ExitCode
from sizewise.pipeline.records.best import Best


def best(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="The results.sqlite of sizewise bench.")
    ],
    options: Budget,
    *,
    as_json: Json = False,
) -> None:
    """Choose the engine to ship, and say what comes close and why others fall out.

    The fastest engine that fits is chosen. Without --max-loss-points, it is the fastest of those
    that are as accurate as the most accurate that fits. The exit code is 3 where nothing fits.
    """
    from sizewise.pipeline.records.best import best

    found = best(results, options)
    if as_json:
        console.show_json([_plain(choice, found) for choice in found.choices])
    else:
        _say(found)
        console.next_step(console.command("report", results))
    if all(choice.chosen is None for choice in found.choices):
        raise typer.Exit(ExitCode.FAILED)


def _say(found: Best) -> None:
    for choice in found.choices:
        first, *others = told(choice, found.budget, found.records)
        console.say(first)
        for sentence in others:
            console.say(f"  • {sentence}")


def _plain(choice: Choice, found: Best) -> dict[str, Any]:
    budget = found.budget
    return {
        "metric": choice.metric.name if choice.metric else None,
        "percentile": budget.percentile,
        "decided": choice.chosen is not None and not is_open(choice, found.records.verdicts),
        "engines": len(choice.among),
        "fitting": choice.fitting,
        "chosen": _row(choice.chosen, choice, budget) if choice.chosen else None,
        "rivals": [
            _row(row, choice, budget) | {"verdict": verdict} for row, verdict in choice.rivals
        ],
        "just_missed": [
            _row(row, choice, budget) | {"missed": _miss(miss)} for row, miss in choice.near
        ],
        "left_out": dict(choice.left_out),
    }


def _row(row: Row, choice: Choice, budget: Budget) -> dict[str, Any]:
    figures = {
        "latency_ms": row.latency_ms,
        f"{budget.percentile}_ms": budget.latency_of(row),
        "memory_mib": memory_of(row),
        "accuracy": row.score(choice.metric) if choice.metric else None,
        "loss_points": choice.losses[row] / POINT,
    }
    return {
        "engine": row.engine,
        "size": row.text("size"),
        "model_sha256": row.model_sha256,
        "precision": row.precision,
        "disturbed": row.disturbed,
    } | {name: _known(value) for name, value in figures.items()}


def _known(value: float | None) -> float | None:
    """None for what was not measured: JSON has no NaN."""
    return None if value is None or math.isnan(value) else value


def _miss(miss: Miss) -> dict[str, Any]:
    return {
        "what": miss.what,
        "value": _known(miss.value),
        "limit": miss.limit,
        "unit": miss.unit,
    }
