"""``sizewise bench``: a sweep into ``results.sqlite``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.planning.settings import SweepSettings
from reports.text.words import counted
from sizewise.cli import console
from sizewise.cli.failures import end_with, with_error
from sizewise.cli.options import Json, Out, Without, spell
from sizewise.cli.tables.reasons import nothing_measured, plain_reasons, say_reasons
from sizewise.core.errors import UsageError
from sizewise.pipeline.models.cards import MeaningOptions

if TYPE_CHECKING:
    from bench.planning.estimate import Estimate
    from bench.sweep import SweepOutcome

_IN_FILES = (
    *("precision", "block_calls", "block_s", "warmup_calls", "seed"),
    "sweep",
)
"""Options that only a TOML file and Python have."""


def bench(
    context: typer.Context,
    models: Annotated[
        list[Path],
        typer.Argument(metavar="MODELS", help="ONNX files, or one TOML file that names them."),
    ],
    settings: Annotated[SweepSettings, Without(*_IN_FILES)],
    meaning: MeaningOptions,
    *,
    out: Out = Path("runs/bench"),
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the trials and their time, and measure nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure latency, memory and accuracy of every engine.

    Results go to results.sqlite in the folder of --out. A sweep that was stopped, or killed,
    resumes: the same command measures only what is missing.
    """
    from sizewise.pipeline.bench import Sweep, bench, foresee, read_models, read_sweep
    from sizewise.pipeline.config import words_of_bench

    if [path.suffix for path in models] == [".toml"]:
        _demand_no_options(context)
        swept = read_sweep(models[0]).trying(retry=settings.retry, force=settings.force)
    else:
        swept = Sweep(models=read_models(models, meaning), settings=settings)
    if dry_run:
        with words_of_bench(swept.path):
            estimate = foresee(swept.models, swept.settings, out=out)
        _show_estimate(estimate, as_json=as_json)
        return
    with words_of_bench(swept.path):
        outcome = bench(
            swept.models,
            swept.settings,
            out=out,
            command=command_line(),
            reporter=console.reporter(),
        )
    _say(outcome, as_json=as_json)
    raise typer.Exit(outcome.exit_code)


def _demand_no_options(context: typer.Context) -> None:
    """Raises UsageError for options that a TOML file says itself."""
    beside = ("models", "out", "dry_run", "as_json", "retry", "force")
    given = [
        spell(name)
        for name in context.params
        if name not in beside and str(context.get_parameter_source(name)).endswith("COMMANDLINE")
    ]
    if given:
        raise UsageError(
            f"{', '.join(given)} can't be given with a TOML file",
            "the file says what is measured",
            "Write it into the file's table [bench], or give ONNX files in place of the TOML file.",
        )


def command_line() -> str:
    """The command line as it was typed, quoted so that it can be typed again."""
    return shlex.join(["sizewise", *sys.argv[1:]])


def _say(outcome: SweepOutcome, *, as_json: bool) -> None:
    nothing = nothing_measured(outcome)
    if as_json:
        console.show_json(
            {
                "results": str(outcome.results),
                "measured": outcome.measured,
                "skipped": outcome.skipped,
                "unfinished": outcome.unfinished,
                "statuses": dict(outcome.statuses),
                "reasons": plain_reasons(outcome),
                **({"quarantined": outcome.quarantined} if outcome.quarantined else {}),
                **with_error(nothing),
            }
        )
    else:
        counts = ", ".join(f"{count} {status}" for status, count in outcome.statuses.items())
        console.say(
            f"{outcome.results}: {counted(outcome.measured, 'trial')} measured, "
            f"{outcome.skipped} already on file ({counts})"
        )
        say_reasons(outcome)
        say_quarantined(outcome)
        say_unfinished(outcome)
        console.next_step(console.command("report", outcome.results))
    if nothing:
        end_with(nothing)
    if not outcome.statuses.get("ok"):
        where = f"sizewise report {outcome.results} says why" if as_json else "see the table"
        console.remark(f"No trial could be measured: {where}.")


def say_quarantined(outcome: SweepOutcome) -> None:
    """Say which trials were not tried again, and what to do."""
    if outcome.quarantined:
        console.remark(
            "Not tried again after two failures in the same way: "
            f"{counted(outcome.quarantined, 'trial')}. Give {spell('retry')} to try again."
        )


def say_unfinished(outcome: SweepOutcome) -> None:
    """Say where the limit of time was reached, and what to do."""
    if outcome.unfinished:
        console.remark(
            f"The limit of time was reached with {counted(outcome.unfinished, 'trial')} measured "
            "less often than --rigor wants. The same command goes on; --max-minutes sets the limit."
        )


def _show_estimate(found: Estimate, *, as_json: bool) -> None:
    if as_json:
        console.show_json(
            {
                "trials": found.trials,
                "pending": found.pending,
                "engines": found.engines,
                "least_minutes": found.least_minutes,
                "most_minutes": found.most_minutes,
            }
        )
        return
    columns = ("size", "trials", "to be measured", "minutes")
    rows = [
        (one.size, one.trials, one.pending, f"{one.least_minutes:.1f} to {one.most_minutes:.1f}")
        for one in found.sizes
    ]
    console.show_table("What would be measured", columns, rows)
    console.say(
        f"{found.pending} of {counted(found.trials, 'trial')}, {counted(found.engines, 'engine')}: "
        f"{found.least_minutes:.0f} to {found.most_minutes:.0f} minutes, at most "
        f"{found.max_minutes:g}; building and accuracy come on top."
    )
    if found.assumed:
        console.remark("A call of a trial that is not on file was taken to last 10 ms.")
    console.next_step("run the same command without --dry-run")
