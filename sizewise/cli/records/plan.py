"""``sizewise plan``: which engines to keep loaded for the sizes that come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reports.choice.planning.telling import figures, told
from reports.text.words import number, times
from sizewise.cli import console
from sizewise.cli.options import Json, Out
from sizewise.core import codec
from sizewise.core.specs.plan import Plan
from sizewise.pipeline.preparation.traffic.opening import TrafficSource
from sizewise.pipeline.records.planning.options import Planned, PlanOptions


def plan(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="The results.sqlite of sizewise bench.")
    ],
    source: TrafficSource,
    options: PlanOptions,
    *,
    out: Out = Path("runs/plan"),
    as_json: Json = False,
) -> None:
    """Choose the engines to keep loaded for the sizes that come, within a memory.

    Each size runs at its own input or at a larger one, whichever is best for the whole traffic.
    Writes plan.json, its picture, a page and the engines. An input may be smaller where accuracy
    was measured.
    """
    from sizewise.pipeline.records.plan import plan

    made = plan(results, source.traffic, options, out=out, reporter=console.reporter())
    if as_json:
        console.show_json(
            {
                "plan": codec.to_plain(made.plan),
                "stored": str(made.path),
                "plot": str(made.plot),
                "page": None if made.page is None else str(made.page),
                "missing": list(made.missing),
                "together": codec.to_plain(made.replayed),
            }
        )
        return
    _say(made)
    console.say(f"Plan: {made.path}, drawn in {made.page or made.plot}")
    if made.no_page:
        console.remark(made.no_page)
    console.next_step(console.command("replay", made.path, "--traffic", source.traffic))


def _say(made: Planned) -> None:
    first, *others = told(made.plan)
    console.say(first)
    show_engines(made.plan)
    for sentence in (*others, *made.missing):
        console.say(f"  • {sentence}")
    if made.replayed:
        metric = made.plan.decision.metric
        console.say(f"Measured together: {figures(made.replayed.measured, metric)}")


def show_engines(plan: Plan) -> None:
    """A table of the engines, with the share of the pictures that each serves."""
    rows = []
    for engine in plan.engines:
        own = [route for route in plan.routes if route.place.engine == engine.name]
        share = sum(route.share for route in own)
        mean = sum(route.share * route.ms for route in own) / share if share else 0.0
        rows.append(
            (
                engine.name,
                ", ".join(times(size) for size in engine.sizes),
                f"{100 * share:.1f}",
                number(mean),
                f"{engine.memory_mib:.0f}",
            )
        )
    heads = ("engine", "inputs (H×W)", "pictures (%)", "mean (ms)", "memory (MiB)")
    console.show_table("Engines", heads, rows)
