"""What every page is made of: text, tables, data, style and scripts in one file."""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files
from importlib.util import find_spec
from string import Template
from typing import Any

from reports.page.chart import vega
from reports.page.tables import Body
from reports.text.words import listed

_NEEDED = {"altair": "altair", "vl_convert": "vl-convert-python", "markdown_it": "markdown-it-py"}
"""The distributions of the modules that a page is made with. They are large, so they are an extra.
"""


def why_no_page(name: str = "report.html") -> str:
    """A sentence that says what to install where no page can be written; else empty."""
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if not missing:
        return ""
    return (
        f"No {name} was written: {listed(missing)} {'is' if len(missing) == 1 else 'are'} not "
        "installed. Run: pip install 'sizewise[html]'."
    )


def shell(body: Body, plots: str, data: dict[str, Any], script: str) -> str:
    """The page as text. The HTML ``plots`` stands before the first section, and ``script`` is the
    name of the one that draws them from ``data``."""
    title = re.search(r"<h1>(.*?)</h1>", body.html)
    before, heading, after = body.html.partition("<h2>")
    return Template(_asset("page.html")).substitute(
        title=html.escape(html.unescape(re.sub("<[^>]+>", "", title[1] if title else "Report"))),
        style=_asset("page.css"),
        body=f"{before}{plots}\n{heading}{after}",
        data=_script_json(data | {"tables": body.tables}),
        vega=vega().replace("</script", "<\\/script"),
        script=f"{_asset('page.js')}\n{_asset(script)}",
    )


def _asset(name: str) -> str:
    return (files("reports.page") / "assets" / name).read_text("utf-8")


def _script_json(value: Any) -> str:
    """JSON that nothing in it can end the script of: names of engines are anybody's."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
