"""The report's page: what report.md says, with a plot and a budget to move."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from reports.load import Records
from reports.page.chart import chart
from reports.page.points import points, ranking, steps
from reports.page.shell import shell
from reports.page.tables import render
from reports.plots.axes import finite
from sizewise.core.files import written_whole
from sizewise.core.printable import printable

_PLOT = re.compile(r"^!\[[^\n]*\]\([^)\n]*\)$\n*", re.MULTILINE)
"""A plot in Markdown: it lies in a file of its own, and the page has a better one."""


def write_page(records: Records, markdown: str, path: Path) -> None:
    """Write the report ``markdown`` of ``records`` as a page. Raises OutputError."""
    rows = finite(records.rows)
    metric = ranking(rows)
    heading = "side of the input (px)" if metric is None else f"{metric.title} (0–1)"
    data = {"points": points(rows), "steps": steps(records)}
    with written_whole(path) as draft:
        draft.write_text(page(markdown, heading, data), encoding="utf-8")


def page(markdown: str, heading: str, data: dict[str, Any]) -> str:
    """The page as text; ``data`` has ``points`` and ``steps``, as ``reports.page.points`` gives
    them, and ``heading`` names the score."""
    known = data["points"]
    spec = chart(heading, *(sorted({p[name] for p in known}) for name in ("backend", "strategy")))
    body = render(_PLOT.sub("", printable(markdown)))
    return shell(body, '<section id="tradeoff"></section>', data | {"spec": spec}, "report.js")
