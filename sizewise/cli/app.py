"""The commands, one file each. What a command needs is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from sizewise._version import __version__
from sizewise.cli import (
    bench,
    build,
    doctor,
    evaluate,
    export,
    networks,
    predict,
    report,
    run,
    train,
)

app = typer.Typer(
    name="sizewise",
    help="Export once, build the right engine for every input size, know what each costs.",
    epilog="--debug, given anywhere, shows the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sizewise {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _show: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options of sizewise itself."""


app.command("run")(run.run)
app.command("doctor")(doctor.doctor)
app.command("networks")(networks.networks)
app.command("train")(train.train)
app.command("export")(export.export)
app.command("build")(build.build)
app.command("bench")(bench.bench)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("report")(report.report)
