"""``sizewise history``: how latencies went over many results files, and where they changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reports.history.changes import Change
from reports.text.verdicts import change as percent_change
from reports.text.words import counted
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.pipeline.records.history import History, HistoryOptions


def history(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Folder with results.sqlite files, at any depth."),
    ],
    options: HistoryOptions,
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Folder of the plots.")
    ] = Path("runs/history"),
    as_json: Json = False,
) -> None:
    """Draw each engine's latency over many results files, and name the changes.

    Files of different machines never share a line. Latencies are tied by the anchor where all files
    of a line have it.
    """
    from sizewise.pipeline.records.history import history

    found = history(folder, options, out=out, reporter=console.reporter())
    for error in found.unread:
        console.remark(str(error))
    if as_json:
        console.show_json(_plain(found))
        return
    _say(found)
    if found.plots:
        console.next_step(f"look at {found.plots[0]}")


def _say(found: History) -> None:
    files = {moment.file for line in found.lines for moment in line.moments}
    console.say(
        f"{counted(len(files), 'results file')}, {counted(len(found.lines), 'line')}, "
        f"{counted(len(found.changes), 'change')}"
    )
    for change in found.changes:
        console.say(f"  • {_told(change)}")
    for path in found.plots:
        console.say(f"Plot: {path}")


def _told(change: Change) -> str:
    versions = change.before.version, change.at.version
    why = (
        f" ({change.at.row.backend} {versions[0]} → {versions[1]})" if len({*versions}) > 1 else ""
    )
    return (
        f"{change.line.engine} at {change.line.size}: {percent_change(change.ratio)} latency since "
        f"{change.at.started[:10]}{why}"
    )


def _plain(found: History) -> dict[str, Any]:
    return {
        "lines": [
            {
                "engine": line.engine,
                "size": str(line.size),
                "machine": line.machine,
                "anchored": line.anchored,
                "points": [
                    {"file": str(one.file), "started": one.started, "ms": one.ms}
                    for one in line.moments
                ],
            }
            for line in found.lines
        ],
        "changes": [
            {
                "engine": one.line.engine,
                "size": str(one.line.size),
                "since": one.at.started,
                "ratio": one.ratio,
            }
            for one in found.changes
        ],
        "plots": [str(path) for path in found.plots],
    }
