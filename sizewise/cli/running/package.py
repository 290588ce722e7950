"""``sizewise package``: a plan's engines for Triton, OpenVINO Model Server, KServe or a program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reports.text.words import counted
from sizewise.cli import console
from sizewise.cli.options import Json, Out
from sizewise.core import codec
from sizewise.pipeline.prediction.packaging.options import PackageOptions


def package(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="The plan.json of sizewise plan, or its folder.")
    ],
    options: PackageOptions,
    *,
    out: Out = Path("runs/package"),
    as_json: Json = False,
) -> None:
    """Pack the engines of a plan for a server, or as a folder with a loader in Python.

    Each model is compared with its engine before the package gets its name. A package that lies in
    --out is replaced; nothing else is.
    """
    from sizewise.pipeline.prediction.packaging.packing import package

    made = package(plan, options, out=out, reporter=console.reporter())
    if as_json:
        console.show_json(codec.to_plain(made))
        return
    rows = [
        (name, by, "as built" if name not in made.differences else f"{made.differences[name]:.1g}")
        for name, by in made.engines.items()
    ]
    title = f"{made.name}: {counted(len(rows), 'engine')}"
    console.show_table(title, ("engine", "run by", "off by"), rows)
    console.say(f"Package: {made.path}")
    console.next_step(f"read {made.path / 'README.md'}")
