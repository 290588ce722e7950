"""``sizewise report``: results.sqlite → report.md and its plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sizewise.cli import console
from sizewise.cli.options import Json


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
    """Write tables, plots and findings from what was measured."""
    from sizewise.pipeline.records.report import report

    written = report(results, out=out)
    if as_json:
        console.show_json({"report": str(written.path), "findings": list(written.findings)})
        return
    say_findings(written.path, written.findings)
    console.next_step(f"read {written.path}; sizewise bench adds more sizes to the same results")


def say_findings(path: Path, findings: tuple[str, ...]) -> None:
    """Print the report's path and its findings."""
    console.say(f"Report: {path}")
    for finding in findings:
        console.say(f"  • {finding}")
