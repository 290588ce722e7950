"""``sizewise traffic``: the sizes that come, from pictures, a table or a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reports.text.words import counted
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.preparation.traffic.opening import TrafficOptions

_SHOWN = 12


def traffic(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of pictures, CSV with width and height, log, traffic.json; or made up: "
            "photographs, documents, video-crops.",
        ),
    ],
    options: TrafficOptions,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the files.")] = (
        Path("runs/traffic")
    ),
    as_json: Json = False,
) -> None:
    """Count the sizes of the pictures that come, in their order.

    Pictures of a folder come in the order of their names. Writes traffic.json and a plot.
    """
    from sizewise.pipeline.preparation.traffic.opening import traffic

    files = traffic(source, options, out=out, reporter=console.reporter())
    found = files.traffic
    if as_json:
        console.show_json(
            {
                "name": found.name,
                "made": found.made,
                "pictures": len(found.stream),
                "changes": found.changes,
                "sizes": {str(size): count for size, count in found.counts.items()},
                "stored": str(files.stored),
                "plot": str(files.plot),
            }
        )
        return
    _show(found)
    console.say(f"Traffic: {files.stored}")
    console.next_step(f"look at {files.plot}")


def _show(found: Traffic) -> None:
    pictures, counts = len(found.stream), found.counts
    console.say(f"{found.name}: {counted(pictures, 'picture')} of {counted(len(counts), 'size')}")
    console.say(found.made)
    rows = [
        (str(size), f"{count:,}", f"{100 * count / pictures:.1f}")
        for size, count in list(counts.items())[:_SHOWN]
    ]
    rest = len(counts) - len(rows)
    title = "The most frequent sizes" if rest else "Sizes"
    console.show_table(title, ("size (H×W)", "pictures", "share (%)"), rows)
    console.say(f"{counted(found.changes, 'picture')} of another size than the one before")
