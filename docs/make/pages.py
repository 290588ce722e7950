"""Pages whose tables are made from raw records: each stands between <!-- NAME --> and
<!-- /NAME -->."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
MEASURED = HOUSE / "reports" / "measured"


def fill(page: Path, tables: Mapping[str, Callable[[], Sequence[str]]]) -> None:
    """Put the lines of each table in its place. Raises SystemExit where it has none, or several."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        lines = "\n".join(table())
        text, count = pattern.subn(
            lambda found, lines=lines: f"{found[1]}{lines}\n{found[2]}", text
        )
        if count != 1:
            raise SystemExit(f"{page} has {count} places for the table {name}, not 1")
    page.write_text(text, encoding="utf-8")


def grid(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = [headers, ["---", *["--:"] * (len(headers) - 1)], *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]
