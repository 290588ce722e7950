"""The README's table and picture, of one back end, from the demo's results.

Run ``make demo`` first, then python -m docs.make.readme; both go by runs/digits/results.sqlite.
"""

from __future__ import annotations

from docs.make.pages import HOUSE, fill
from reports.analysis.verdicts import Verdicts
from reports.load import read_records
from reports.markdown import DPI
from reports.plots.sweep import draw
from reports.tables.by_size import latency_table

RESULTS = HOUSE / "runs" / "digits" / "results.sqlite"
PICTURE = HOUSE / "docs" / "demo" / "one-back-end.png"
BACKEND = "onnxruntime"


def main() -> None:
    records = read_records(RESULTS)
    machine = records.environment
    rows = (row for row in records.rows if row.backend == BACKEND)
    verdicts = Verdicts(rows, records.verdicts.rigor)
    draw(verdicts)["latency.png"].savefig(PICTURE, format="png", dpi=DPI)
    lines = [
        f"From such a run on {machine.cpu}, {machine.cores} cores, the rows of one back end:",
        "",
        *latency_table(verdicts).splitlines(),
        "",
        "Median of one warm call with its 95 % interval; bold: the fastest of a size, and what is "
        "not shown to be slower; †: disturbed, and the report says why.",
        "",
        f"![Latency against input size]({PICTURE.relative_to(HOUSE).as_posix()})",
    ]
    fill(HOUSE / "README.md", {"one back end": lambda: lines})


if __name__ == "__main__":
    main()
