"""Write report.md and its plots from a results file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.markdown import Report


def report(results: Path, *, out: Path | None = None) -> Report:
    """Write the report into ``out``, or into a folder beside the results.

    Raises InputError, RecordError and OutputError.
    """
    from reports.markdown import write_report

    return write_report(results, out or results.parent / "report")
