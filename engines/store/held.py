"""An engine's files, held open: a library loads the very bytes that were hashed.

The library is given a folder of links to our open handles (``/proc/self/fd/N``). Whoever exchanges
a file of the engine after it was hashed exchanges a name that nobody reads any more, and nothing is
copied, so that figures of memory stay what they are.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from engines.store.contents import engine_files, sha256_of_engine
from sizewise.core.files import open_file
from sizewise.core.specs import EngineArtifact

_HANDLES = Path("/proc/self/fd")


@dataclass(frozen=True, kw_only=True)
class HeldEngine(EngineArtifact):
    """An engine that is read from the folder ``held``."""

    held: Path

    @property
    def files(self) -> Path:
        return self.held


@dataclass(frozen=True)
class Held:
    """The hash of an engine's names and bytes, and the folder to read these from."""

    sha256: str
    folder: Path


@contextmanager
def held_files(home: Path) -> Iterator[Held]:
    """Within the block, the files of the engine ``home`` are those that were hashed. Where the
    system has no ``/proc/self/fd`` (not Linux), they are read by their names once more.

    Raises OSError, and EngineMismatchError where there is a link in the engine's folder.
    """
    with ExitStack() as held:
        files = {
            path.relative_to(home): held.enter_context(open_file(path, follow=False))
            for path in engine_files(home)
        }
        sha256 = sha256_of_engine({name: _sha256_of(file) for name, file in files.items()})
        folder = held.enter_context(_links(files)) if _can_be_held() else home
        yield Held(sha256, folder)


def _can_be_held() -> bool:
    return sys.platform == "linux" and _HANDLES.is_dir()


def _sha256_of(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _links(files: dict[Path, BufferedReader]) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sizewise-engine-"))  # nobody else may enter it
    try:
        for name, file in files.items():
            link = folder / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(_HANDLES / str(file.fileno()))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
