"""The whole page: text, tables, plot, data, style and scripts in one file."""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from reports.load import Records
from reports.page.chart import chart, vega
from reports.page.points import points, ranking, steps
from reports.page.tables import Body, render
from reports.plots.axes import finite
from reports.text.words import listed
from sizewise.core.files import written_whole
from sizewise.core.printable import printable

_NEEDED = {"altair": "altair", "vl_convert": "vl-convert-python", "markdown_it": "markdown-it-py"}
"""The distributions of the modules that a page is made with. They are large, so they are an extra.
"""
_PLOT = re.compile(r"^!\[[^\n]*\]\([^)\n]*\)$\n*", re.MULTILINE)
"""A plot in Markdown: it lies in a file of its own, and the page has a better one."""


def why_no_page() -> str:
    """A sentence that says what to install where no page can be written; else empty."""
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if not missing:
        return ""
    return (
        f"No report.html was written: {listed(missing)} {'is' if len(missing) == 1 else 'are'} not "
        "installed. Run: pip install 'sizewise[html]'."
    )


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
    text = _PLOT.sub("", printable(markdown))
    body = render(text)
    known = data["points"]
    spec = chart(heading, *(sorted({p[name] for p in known}) for name in ("backend", "strategy")))
    folder = files("reports.page") / "assets"
    parts = {name: (folder / name).read_text("utf-8") for name in ("page.css", "page.js")}
    title = re.search(r"<h1>(.*?)</h1>", body.html)
    return Template((folder / "page.html").read_text("utf-8")).substitute(
        title=html.escape(html.unescape(re.sub("<[^>]+>", "", title[1] if title else "Report"))),
        style=parts["page.css"],
        body=_with_plot(body),
        data=_script_json(data | {"tables": body.tables, "spec": spec}),
        vega=vega().replace("</script", "<\\/script"),
        script=parts["page.js"],
    )


def _with_plot(body: Body) -> str:
    """The place of the plot and the slider is after the decision: before the first section."""
    before, heading, after = body.html.partition("<h2>")
    return f'{before}<section id="tradeoff"></section>\n{heading}{after}'


def _script_json(value: Any) -> str:
    """JSON that nothing in it can end the script of: names of engines are anybody's."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
