"""``plan.html``: a plan as one page without requests."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

from reports.choice.planning.padding import waste
from reports.page.plan import records
from reports.page.plan.charts import charts, limit_shown
from reports.page.plan.text import Told, markdown
from reports.page.shell import shell
from reports.page.tables import render
from sizewise.core.files import written_whole
from sizewise.core.printable import printable
from sizewise.core.specs.plan import Plan


def write_plan_page(told: Told, path: Path) -> None:
    """Write it whole. Raises OutputError."""
    with written_whole(path) as draft:
        draft.write_text(plan_page(told), encoding="utf-8")


def plan_page(told: Told) -> str:
    """The page as text."""
    plan = told.plan
    data = {
        "engines": records.engines(plan),
        "rows": {
            "slices": records.slices(plan),
            "wasted": records.wasted(plan),
            "bubbles": records.bubbles(plan),
            "sets": records.sets(plan),
        },
        "specs": charts(plan),
    }
    return shell(render(printable(markdown(told))), "".join(_plots(plan)), data, "plan.js")


def _plots(plan: Plan) -> Iterator[str]:
    yield '<section id="plan"><div id="keys" aria-label="Engines"></div><div class="plots">'
    for name, (title, note) in _titles(plan).items():
        yield (
            f"<figure><figcaption><strong>{html.escape(title)}</strong> {html.escape(note)}"
            f'</figcaption><div class="plot" id="{name}"></div></figure>'
        )
    yield "</div></section>"


def _titles(plan: Plan) -> dict[str, tuple[str, str]]:
    limit = plan.decision.limits.max_memory_mib
    beyond = (
        f" The limit, {limit:g} MiB, lies beyond the right end."
        if limit is not None and limit_shown(plan) is None
        else ""
    )
    return {
        "slices": (
            "Sizes that come, by the engine that serves them.",
            "Each slice of a bar is one size: point at it.",
        ),
        "wasted": (
            "What padding wastes.",
            "A bar for each size, as wide as its share of the pictures. At 1, no more is computed "
            f"than its pictures need. All pictures together: {waste(plan.routes, plan.rule):.2f}.",
        ),
        "bubbles": ("Where each size runs.", "The larger a dot, the more pictures."),
        "sets": (
            "Memory against mean latency.",
            "The numbers are of engines: each is the best set of so many. Pale: it breaks a limit."
            f"{beyond}",
        ),
    }
