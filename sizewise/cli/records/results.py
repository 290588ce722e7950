"""``sizewise results``: what a results file holds, and what can be saved of a damaged one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reports.text.words import counted
from sizewise.cli import console
from sizewise.cli.options import Json

if TYPE_CHECKING:
    from sizewise.pipeline.records.results import Results

_COUNTED = {"trials": "trial", "waves": "wave", "accuracies": "accuracy"}


def results(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The results.sqlite of sizewise bench.")
    ],
    *,
    salvage: Annotated[
        Path | None,
        typer.Option(
            "--salvage",
            metavar="NEW",
            help="New results file for all that is whole in a damaged one.",
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="OUT", help="Write what was measured as Parquet."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="OUT", help="Write what was measured as CSV.")
    ] = None,
    pytest_benchmark: Annotated[
        Path | None,
        typer.Option(
            "--pytest-benchmark",
            metavar="OUT",
            help="Write the calls as JSON for pytest-benchmark compare.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a results file holds, and save what is whole of a damaged one.

    FILE is only read. Every row has a sum; a wave is saved with all its rows or not at all. What
    could not be saved is listed, and the exit code is 3 where anything is. sizewise bench measures
    it again where the new file takes the place of FILE.
    """
    from sizewise.pipeline.records.results import results

    targets = {"parquet": parquet, "csv": csv, "pytest_benchmark": pytest_benchmark}
    formats = {name: path for name, path in targets.items() if path is not None}
    found = results(file, salvage=salvage, formats=formats)
    if as_json:
        console.show_json(_plain(found))
    else:
        _say(found)
    raise typer.Exit(found.exit_code)


def _say(found: Results) -> None:
    held = found.held
    console.show_table(
        f"Runs in {found.path}",
        ("run", "started", *_COUNTED),
        [(run.number, run.started, *map(run.share, _COUNTED.values())) for run in held.runs],
    )
    if held.damage:
        console.say(f"The file is damaged: {held.damage}. Whole are {held.summary}.")
    for table, count in held.damaged_rows.items():
        console.say(f"  • {counted(count, 'damaged row')} in the table {table}")
    for table, numbers in held.kept.lost.items():
        if numbers:
            console.say(f"  • not whole: {table} {', '.join(map(str, numbers))}")
    for path in found.written.values():
        console.say(f"Written: {path}")
    if found.salvaged:
        console.say(f"{found.salvaged}: {held.summary}")
        console.next_step(
            f"{console.command('report', found.salvaged)}; or put it in the place of {found.path}, "
            "and sizewise bench measures what it lacks"
        )
    elif held.damage:
        console.next_step(console.command("results", found.path, "--salvage", "NEW.sqlite"))
    else:
        console.next_step(console.command("report", found.path))


def _plain(found: Results) -> dict[str, Any]:
    held = found.held
    return {
        "results": str(found.path),
        "damage": held.damage,
        "runs": [
            {"run": run.number, "started": run.started, "command": run.command}
            | {
                name: {"whole": run.kept[table], "written": run.had[table]}
                for name, table in _COUNTED.items()
            }
            for run in held.runs
        ],
        "damaged_rows": dict(held.damaged_rows),
        "not_whole": {table: list(numbers) for table, numbers in held.kept.lost.items()},
        "salvaged": None if found.salvaged is None else str(found.salvaged),
        "written": {name: str(path) for name, path in found.written.items()},
    }
