"""Options that several commands share: the same name, meaning and help everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Out = Annotated[Path, typer.Option("--out", help="The folder that results go to.")]
SizeList = Annotated[
    str,
    typer.Option("--sizes", help="Input sizes, height x width: 416, 384x640, 128:448:64 (lists)."),
]
Backends = Annotated[str, typer.Option("--backend", help="Back ends (comma list).")]
Strategies = Annotated[
    str,
    typer.Option(
        "--strategy",
        help="static: an engine per size; dynamic: one for all sizes; profiles: one with several "
        "profiles, each tuned for some of the sizes.",
    ),
]
Profiles = Annotated[
    str,
    typer.Option(
        "--profiles",
        help="Of the strategy profiles: how many share the sizes out, or the largest size of each "
        "(288,352,448).",
        show_default="3, or one per size",
    ),
]
Fusions = Annotated[
    str,
    typer.Option(
        "--fusion", help="How networks merge their scales: keep these models (list; empty: all)."
    ),
]
GraphFusions = Annotated[
    str,
    typer.Option(
        "--graph-fusion",
        help="How hard the compiler fuses: none, basic, extended, all (list; empty: its default).",
    ),
]
Batches = Annotated[
    str,
    typer.Option(
        "--batch", help="Batch sizes (comma list); 1:4:8 is one engine for 1 to 8, tuned for 4."
    ),
]
BackendOptionList = Annotated[
    list[str] | None,
    typer.Option(
        "--backend-option",
        metavar="NAME=VALUE",
        help="An option of the back ends that have it (repeatable; a wrong one lists all).",
    ),
]
Threads = Annotated[
    int, typer.Option("--threads", min=0, help="CPU threads of an engine (0: all usable cores).")
]
AllowFallback = Annotated[
    bool,
    typer.Option(
        "--allow-fallback",
        help="Take engines that run in another precision, or elsewhere, than was asked.",
    ),
]
Data = Annotated[
    str,
    typer.Option(
        "--data", help="A data set's name, a COCO JSON file, or a folder with train/val.json."
    ),
]


def comma_list(text: str) -> tuple[str, ...]:
    """``a,b`` as a tuple; empty text gives an empty one."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
