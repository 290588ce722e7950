"""docs/demo, and the README's table and picture of one back end, from the runs of a demo
(python -m docs.make.demo [--page]).

It takes runs/digits/results.sqlite, or runs the demo where that is not there. The runs become
reports/measured/demo.json, from which the pages are rendered; --page only does the latter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.make.pages import HOUSE, fill
from docs.make.reported import Example, took
from reports.columns import Row
from reports.load import Records
from reports.plots.saved import save
from reports.plots.styles import styles
from reports.plots.sweep import latency_figure
from reports.tables.by_size import latency_table

DEMO = Example(
    name="demo",
    configuration="examples/digits.toml",
    results=HOUSE / "runs" / "digits" / "results.sqlite",
    out=HOUSE / "docs" / "demo",
)
README = HOUSE / "README.md"
PICTURE = "one-back-end.png"
BACKEND = "onnxruntime"


def main() -> None:
    record, records = DEMO.main()
    draw_one_back_end(records, DEMO.out / PICTURE)
    fill(README, {"one back end": lambda: one_back_end(record, records)})


def one_back_end(record: Mapping[str, Any], records: Records) -> Sequence[str]:
    """The README's lines. Rows are judged as in the whole report, among all of its engines."""
    machine, taken = records.environment, took(record["seconds"], records)
    return [
        f"From such a run on {machine.cpu}, {machine.cores} cores ({taken}), "
        "the rows of one back end:",
        "",
        *latency_table(records.verdicts, _rows(records)).splitlines(),
        "",
        "Median of one warm call with its 95 % interval; bold: the fastest of these at a size, and "
        "what is not shown to be slower, none where that is all; †: disturbed, and the report says "
        "why.",
        "",
        f"![Latency against input size](docs/demo/{PICTURE})",
    ]


def draw_one_back_end(records: Records, path: Path) -> None:
    """Save the README's picture."""
    figure = latency_figure(records.verdicts, styles(records.rows), _rows(records))
    save(figure, path)


def _rows(records: Records) -> list[Row]:
    return [row for row in records.rows if row.backend == BACKEND]


if __name__ == "__main__":
    main()
