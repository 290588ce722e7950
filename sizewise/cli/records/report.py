"""``sizewise report``: results.sqlite → report.md, report.html and plots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizewise.cli import console
from sizewise.cli.options import Json

if TYPE_CHECKING:
    from reports.markdown import Report


def report(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="The results.sqlite of sizewise bench.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Folder of the report [default: report, beside the results].",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a decision, tables and plots from what was measured."""
    from sizewise.pipeline.records.report import report

    written = report(results, out=out)
    if as_json:
        console.show_json(plain_report(written))
        return
    say_report(written)
    console.next_step(f"{to_read(written)}; sizewise best {results} takes your limits")


def plain_report(report: Report) -> dict[str, Any]:
    """What ``--json`` says of a report."""
    return {
        "report": str(report.path),
        "page": None if report.page is None else str(report.page),
        "decision": list(report.decision),
        "findings": list(report.findings),
    }


def say_report(report: Report) -> None:
    """Print the report's path and its decision, and why there is no page where there is none."""
    console.say(f"Report: {report.path}")
    for sentence in report.decision:
        console.say(f"  • {sentence}")
    if report.no_page:
        console.remark(report.no_page)


def to_read(report: Report) -> str:
    """What to open: the page where there is one."""
    return f"open {report.page or report.path}"
