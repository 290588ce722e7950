"""An engine on disk: a folder with the engine's files and a manifest that describes them."""

from __future__ import annotations

import hashlib
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
    digest = hashlib.sha256()
    for path in engine_files(folder):
        name = path.relative_to(folder).as_posix()
        # Names are bytes: one that is no UTF-8 is a name, too.
        digest.update(f"{name} {sha256_of(path)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def engine_bytes(folder: Path) -> int:
    """The length of all the engine's files. Raises as :func:`engine_files` does."""
    return sum(path.stat().st_size for path in engine_files(folder))


def _linked(path: Path) -> EngineMismatchError:
    why = f"{path} is a link, and its target may change unnoticed"
    what = f"{path.parent} can't be part of an engine"
    todo = "Build the engine again with sizewise build."
    return EngineMismatchError(what, why, todo, reason_code="environment")
