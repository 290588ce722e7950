"""Whole reports, committed: ``python -m tests.reports.golden`` writes them again. Read the
difference before you commit it."""

from __future__ import annotations

from pathlib import Path

from reports.findings.find import find
from reports.load import Records
from reports.markdown import compose
from reports.plots.sweep import draw
from tests.reports.golden.cases import CASES

FOLDER = Path(__file__).parent


def told(records: Records) -> str:
    """The whole text of a report."""
    return compose(records, find(records), draw(records.verdicts))


def main() -> None:
    for name, case in CASES.items():
        (FOLDER / f"{name}.md").write_text(told(case()), encoding="utf-8")


if __name__ == "__main__":
    main()
