"""An engine on disk: a folder with the engine's files and a manifest that describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.model import sha256_of

MANIFEST = "manifest.json"


def engine_files(folder: Path) -> tuple[Path, ...]:
    """All files below ``folder`` but its manifest, in the order of their names.

    Raises EngineMismatchError where there is a link: what it leads to is no part of the engine.
    """
    found = sorted(folder.rglob("*"))
    for path in found:
        if path.is_symlink():
            raise _linked(path)
    return tuple(path for path in found if path.is_file() and path != folder / MANIFEST)


def engine_sha256(folder: Path) -> str:
    """The hash of the names and bytes of all the engine's files. Raises as :func:`engine_files`
    does."""
    return sha256_of_engine(
        {path.relative_to(folder): sha256_of(path) for path in engine_files(folder)}
    )


def sha256_of_engine(files: Mapping[Path, str]) -> str:
    """The hash of an engine, of the names of its files within it and their hashes, in order."""
    digest = hashlib.sha256()
    for name, sha256 in files.items():
        # Names are bytes: one that is no UTF-8 is a name, too.
        digest.update(f"{name.as_posix()} {sha256}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def engine_bytes(folder: Path) -> int:
    """The length of all the engine's files. Raises as :func:`engine_files` does."""
    return sum(path.stat().st_size for path in engine_files(folder))


def _linked(path: Path) -> EngineMismatchError:
    why = f"{path} is a link, and its target may change unnoticed"
    what = f"{path.parent} can't be part of an engine"
    todo = "Build the engine again with sizewise build."
    return EngineMismatchError(what, why, todo, reason_code="environment")
