"""``sizewise run``: train → export → build and sweep → report; finished steps are skipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bench.planning.settings import SweepSettings
from sizewise.cli import console
from sizewise.cli.bench import command_line, say_quarantined, say_unfinished
from sizewise.cli.failures import end_with, with_error
from sizewise.cli.options import Json
from sizewise.cli.records.report import plain_report, say_report, to_read
from sizewise.cli.tables.precisions import show_converted
from sizewise.cli.tables.reasons import nothing_measured, plain_reasons, say_reasons
from sizewise.core.options.declared import options_of
from sizewise.pipeline.bench import again

_HELP = options_of(SweepSettings)


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML file; see examples/.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="Folder of all results [default: the file's own]."
        ),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help=_HELP["retry"].help)] = False,
    force: Annotated[bool, typer.Option("--force", help=_HELP["force"].help)] = False,
    as_json: Json = False,
) -> None:
    """Train, export, build, measure and report, as a TOML file says; finished steps are skipped."""
    from sizewise.pipeline.config import read_line
    from sizewise.pipeline.line import export_line, measure_line

    line, reporter = read_line(config), console.reporter()
    line = replace(line, bench=again(line.bench, retry=retry, force=force))
    converted = export_line(line, out, reporter)
    for one in () if as_json else converted:
        show_converted(one)
    done = measure_line(line, converted, out, command=command_line(), reporter=reporter)
    nothing = nothing_measured(done.outcome)
    if as_json:
        reasons = plain_reasons(done.outcome)
        said = plain_report(done.report) | {"reasons": reasons}
        console.show_json(said | with_error(nothing))
    else:
        say_reasons(done.outcome)
        say_quarantined(done.outcome)
        say_unfinished(done.outcome)
        say_report(done.report)
        read = to_read(done.report)
        console.next_step(f"{read}; for your own data, copy and edit examples/digits.toml")
    if nothing:
        end_with(nothing)
    raise typer.Exit(done.outcome.exit_code)
