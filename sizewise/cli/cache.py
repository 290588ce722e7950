"""``sizewise cache``: the engines on disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core import codec
from sizewise.core.exit_codes import ExitCode
from sizewise.pipeline import cache as engines
from sizewise.pipeline.cache import CacheOptions

if TYPE_CHECKING:
    from engines.store.names import Kind
    from engines.store.stored import Stored

_KINDS: Mapping[Kind, str] = {
    "engine": "engine",
    "aside": "engine, set aside",
    "draft": "draft of a build",
    "lock": "lock of a build",
}


def cache(
    action: Annotated[
        str, typer.Argument(metavar="ACTION", help="One of list, verify, prune and path.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with engines in it or below it.")
    ] = Path("runs"),
    *,
    options: CacheOptions,
    as_json: Json = False,
) -> None:
    """List, verify or remove the engines below a folder, or print where they are.

    verify says which engines would be built anew, and why. prune removes what builds that died left
    behind, and engines that were set aside. What a process uses always stays.
    """
    engines.demand_action(action, options)
    if action == "list":
        entries = engines.list_cache(folder)
        none = f"There are no engines in {folder} or below it."
        _show("Engines, and what is left of others", entries, none, as_json=as_json)
    elif action == "verify":
        _verify(engines.verify_cache(folder, console.reporter()), folder, as_json=as_json)
    elif action == "prune":
        pruned = engines.prune_cache(folder, options)
        _show("Removed", pruned.removed, "There was nothing to remove.", as_json=as_json)
        if not as_json:
            console.say(f"What is left takes {_mib(pruned.left_bytes)} MiB.")
        for one in pruned.busy:
            console.remark(f"Nothing more was removed from {one}: other processes use it.")
    else:
        found = [str(one.resolve()) for one in engines.cache_folders(folder)]
        console.say_paths(found) if not as_json else console.show_json({"folders": found})


def _verify(checked: tuple[engines.Checked, ...], folder: Path, *, as_json: bool) -> None:
    if as_json:
        console.show_json({"engines": codec.to_plain(checked)})
    elif not checked:
        console.say(f"There are no engines in {folder} or below it.")
    else:
        rows = [(one.path, one.why or "whole, and yours") for one in checked]
        console.show_table("Engines, and why one would be built anew", ("engine", "state"), rows)
    if any(one.why for one in checked):
        raise typer.Exit(ExitCode.FAILED)


def _show(title: str, entries: Collection[Stored], none: str, *, as_json: bool) -> None:
    if as_json:
        console.show_json({"entries": [codec.to_plain(one) for one in entries]})
    elif not entries:
        console.say(none)
    else:
        rows = [(e.path, _KINDS[e.kind], _mib(e.size_bytes), _time(e.used_s)) for e in entries]
        console.show_table(title, ("path", "what", "MiB", "last used"), rows)


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f}"


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # some file systems take years beyond 9999
        return "unknown"
