"""Markdown as HTML whose long tables carry their rows as data, so that a page opens at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

SHOWN = 50
"""Rows of a table that stand in the page itself; the script shows more of them."""


@dataclass
class Body:
    """HTML, and the rows (cells as HTML) of each of its tables."""

    html: str = ""
    tables: list[list[list[str]]] = field(default_factory=list)


_OURS = ("<details>\n<summary>its configuration</summary>", "</details>")
"""All HTML that a report has."""


def render(markdown: str) -> Body:
    """CommonMark with GitHub's tables; of HTML, nothing but our own ``details`` passes."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = list(map(_without_html, parser.parse(markdown)))
    body = Body()
    parts: list[str] = []
    at = 0
    while at < len(tokens):
        end = at + 1
        if tokens[at].type == "table_open":
            end = 1 + next(n for n in range(at, len(tokens)) if tokens[n].type == "table_close")
            parts.append(_table(tokens[at:end], parser, body))
        else:
            parts.append(str(parser.renderer.render(tokens[at:end], parser.options, {})))
        at = end
    body.html = "".join(parts)
    return body


def _without_html(token: Token) -> Token:
    """HTML that is not ours becomes text: the names in a report are anybody's."""
    if token.type in ("html_block", "html_inline") and token.content.strip() not in _OURS:
        token.type = "text"
    for child in token.children or []:
        _without_html(child)
    return token


def _table(tokens: list[Token], parser: MarkdownIt, body: Body) -> str:
    rows: list[list[str]] = []
    sides: list[str] = []
    for turn, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(_inline(tokens[turn + 1], parser))
            if len(rows) == 1:
                sides.append("r" if "right" in str(token.attrGet("style") or "") else "")
    head, *rest = rows
    body.tables.append(rest)
    number = len(body.tables) - 1
    titles = "".join(
        f'<th class="{side}" aria-sort="none"><button type="button">{title}</button></th>'
        for title, side in zip(head, sides, strict=True)
    )
    shown = "".join(_row(row, sides) for row in rest[:SHOWN])
    return (
        f'<div class="wide"><table data-table="{number}" data-sides="{",".join(sides)}">'
        f"<thead><tr>{titles}</tr></thead><tbody>{shown}</tbody></table></div>\n"
        f'<p class="more" data-more="{number}" hidden></p>\n'
    )


def _row(cells: list[str], sides: list[str]) -> str:
    inner = "".join(f'<td class="{s}">{c}</td>' for c, s in zip(cells, sides, strict=True))
    return f"<tr>{inner}</tr>"


def _inline(token: Token, parser: MarkdownIt) -> str:
    return str(parser.renderer.render([token], parser.options, {}))
