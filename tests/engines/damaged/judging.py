"""What became of an engine that was damaged: every way to it gives what nobody touched, or a typed
error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engines.store import cache
from engines.store.cache import obtain_engine
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from sizewise.core.errors import SizewiseError
from sizewise.core.specs import EngineArtifact
from sizewise.pipeline.models.one_engine import read_engine
from tests.engines.damaged.boundary import Boundary, ReachedError
from tests.engines.damaged.stock import Entry, Stock, files_of


def _as_commands(home: Path) -> None:
    open_engine(read_engine(home, ""))


def _as_workers(home: Path) -> None:
    open_engine(read_manifest(home))


WAYS: tuple[Callable[[Path], None], ...] = (_as_commands, _as_workers)


def by_path(way: Callable[[Path], None], home: Path, stock: Stock, boundary: Boundary) -> str:
    """Open what lies there: an engine of this user, whichever, or none."""
    boundary.clear()
    try:
        way(home)
    except ReachedError:
        assert any(_is_whole(entry, boundary) for entry in stock.entries), (
            "its back end was handed what this user never built"
        )
        return "opened"
    except SizewiseError:
        assert not boundary.given, "its back end was asked to open what was refused"
        return "refused"
    raise AssertionError("it was opened, and no library was handed anything")


def _is_whole(entry: Entry, boundary: Boundary) -> bool:
    (given,) = boundary.given
    said = {name: value for name, value in vars(given).items() if name != "held"}
    same = said | {"path": entry.home} == vars(entry.artifact)
    return same and set(boundary.seen) <= set(entry.files.values())


def by_name(entry: Entry, home: Path, boundary: Boundary) -> str:
    """Take what was requested, and open it."""
    boundary.clear()
    said: list[str] = []
    before = home.lstat() if os.path.lexists(home) else None
    request = entry.request
    with patch.object(cache, "run_in_child", _building(entry)):
        found = obtain_engine(
            *(request.model, request.spec, home.parent),
            rebuild=request.rebuild,
            remark=said.append,
        )
    assert not boundary.given, "a back end was asked to open it before it was taken"
    assert found.path == home, "it lies elsewhere"
    assert replace(found, path=entry.home) == entry.artifact, "another engine was taken"
    asides = list(home.parent.glob(".*.aside-*"))
    if said:
        assert "was not used" in said[0], f"it says {said[0]}"
        assert before is not None
        assert [one.lstat().st_ino for one in asides] == [before.st_ino], "it is not moved aside"
        assert files_of(home) == entry.files, "what was built anew is not what was taken"
    else:
        assert asides == [], "it was moved aside without a word"
    _expect_open(entry, found, boundary)
    return "built anew" if said else "taken"


def _expect_open(entry: Entry, found: EngineArtifact, boundary: Boundary) -> None:
    try:
        open_engine(found)
    except ReachedError:
        assert _is_whole(entry, boundary), "its back end was handed changed bytes"
    else:
        raise AssertionError("it was opened, and no library was handed anything")


def _building(entry: Entry) -> Any:
    """A stand-in for the child, which builds the same engine as before."""

    def build_here(target: str, arguments: dict[str, Any], **limits: object) -> None:
        del target, limits
        assert arguments["request"] == entry.request.plain
        shutil.copytree(entry.home, arguments["folder"], dirs_exist_ok=True)

    return build_here
