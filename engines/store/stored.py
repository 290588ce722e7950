"""What lies in folders of engines: engines, and what their builds and removals left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engines.store.names import Kind, kind_of
from engines.store.using import is_open


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One entry of a folder of engines, with its bytes on disk and the time of its last use, in
    seconds since 1970."""

    path: Path
    kind: Kind
    size_bytes: int
    used_s: float

    @property
    def is_open(self) -> bool:
        """Whether a session has it open."""
        return self.kind in ("engine", "aside") and is_open(self.path)


def stored_in(folder: Path) -> tuple[Stored, ...]:
    """The entries of one folder, by name; none where it can't be read."""
    return tuple(_entries(folder))


def engine_folders(root: Path) -> tuple[Path, ...]:
    """The folders at or below ``root`` that hold engines. Links are not followed."""
    found = []
    for name, folders, files in os.walk(root):
        ours = [one for one in (*folders, *files) if kind_of(Path(one))]
        if ours:
            found.append(Path(name))
        folders[:] = sorted(set(folders) - set(ours))
    return tuple(sorted(found))


def _entries(folder: Path) -> Iterator[Stored]:
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    for path in paths:
        kind = kind_of(path)
        if kind is None or path.is_symlink():
            continue
        try:
            yield Stored(
                path=path, kind=kind, size_bytes=bytes_of(path), used_s=path.stat().st_mtime
            )
        except FileNotFoundError:
            continue  # another process removed it meanwhile


def bytes_of(path: Path) -> int:
    """The bytes of all files of an entry, as far as they can be read."""
    if not path.is_dir():
        return path.stat().st_size
    total = 0
    for name, _, files in os.walk(path):
        for one in files:
            try:
                total += os.lstat(os.path.join(name, one)).st_size  # noqa: PTH118 - many of them
            except OSError:
                continue
    return total
