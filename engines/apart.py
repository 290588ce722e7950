"""An open engine in a process of its own, for commands that time nothing.

What hangs, crashes or takes too much memory there ends in a sentence, and Ctrl-C ends it at once.
Arrays cross in two files, which every call writes again: as JSON they would be several times as
long, and many containers have little shared memory.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engines.base import Array
from engines.store.manifest import artifact_from_plain
from engines.store.opening import open_engine
from sizewise.core import codec
from sizewise.core.children.child import Child, ChildError
from sizewise.core.children.failures import wrong_answer
from sizewise.core.files import output_error
from sizewise.core.holding.closing import Closing
from sizewise.core.holding.temporary import naming_tmpdir
from sizewise.core.specs import EngineArtifact

_TARGET = "engines.apart:OpenEngine"
_GIVEN, _FOUND = "given.bin", "found.bin"


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """``timeout_s`` bounds a build, the opening of an engine and each call; ``memory_bytes`` the
    resident memory of the process (None: ``default_limit_bytes``)."""

    timeout_s: float
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """An array in a file: its bytes follow those of the arrays before it."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class EngineApart(Closing):
    """``artifact``, opened in a child: :class:`engines.base.Inferring`.

    Errors call it ``name``. ``trusted`` are hashes of manifests that the user trusts. Raises what
    ``open_engine`` raises, and ChildError; after one, the next call opens it again.
    """

    def __init__(
        self,
        artifact: EngineArtifact,
        limits: RunLimits,
        *,
        name: str,
        trusted: Collection[str] = (),
    ) -> None:
        self.artifact = artifact
        self._limits, self._name, self._trusted = limits, name, tuple(trusted)
        self._child: Child | None = self._opened()

    def infer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Make one whole call. Raises what ``Session.infer`` raises, ChildError and OutputError."""
        child = self._child = self._child or self._opened()
        try:
            with naming_tmpdir():
                return self._inferred(child, inputs)
        except ChildError as error:
            if not error.lives:
                self.close()
            raise

    def _inferred(self, child: Child, inputs: Mapping[str, Array]) -> dict[str, Array]:
        given = _written(child.folder / _GIVEN, inputs)
        arguments = {"given": given, "folder": str(child.folder)}
        found = child.call("infer", arguments, timeout_s=self._limits.timeout_s)
        return self._read(child.folder / _FOUND, found)

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _opened(self) -> Child:
        arguments = {"engine": codec.to_plain(self.artifact), "trusted": list(self._trusted)}
        return Child(
            _TARGET,
            arguments,
            called=f"The engine of {self._name}",
            memory_limit_bytes=self._limits.memory_bytes,
            start_timeout_s=self._limits.timeout_s,
        )

    def _read(self, path: Path, found: Any) -> dict[str, Array]:
        try:
            return _arrays(path, codec.from_plain(found, tuple[_Stored, ...]))
        except (msgspec.ValidationError, TypeError, ValueError, OSError) as error:
            why = f"its outputs can't be read: {error}"
            raise wrong_answer(f"The engine of {self._name}", why, "", "crash_protocol") from error


class OpenEngine:
    """The child's side: one open engine. Its methods raise what opening and calls raise."""

    def __init__(self, engine: dict[str, Any], trusted: Sequence[str]) -> None:
        self._session = open_engine(artifact_from_plain(engine), trusted)

    def infer(self, given: Sequence[Any], folder: str) -> list[Any]:
        """Make a call with the arrays that lie in ``folder``; say which ones came out."""
        inputs = _arrays(Path(folder) / _GIVEN, codec.from_plain(given, tuple[_Stored, ...]))
        return _written(Path(folder) / _FOUND, self._session.infer(inputs))


def _written(path: Path, arrays: Mapping[str, Array]) -> list[Any]:
    """Write arrays one after another, and say as plain values which. Raises OutputError."""
    stored = []
    try:
        with path.open("r+b" if path.exists() else "xb") as file:
            for name, array in arrays.items():
                whole = np.ascontiguousarray(array)
                file.write(whole.reshape(-1).view(np.uint8).data)
                stored.append(_Stored(name=name, dtype=array.dtype.name, shape=array.shape))
    except OSError as error:
        raise output_error(path, error) from error
    return [codec.to_plain(one) for one in stored]


def _arrays(path: Path, stored: Sequence[_Stored]) -> dict[str, Array]:
    """Arrays by name. Raises ValueError where the file is shorter than they are, TypeError for a
    type that NumPy has not, OSError."""
    found, start, length = {}, 0, path.stat().st_size
    for one in stored:
        dtype, count = np.dtype(one.dtype), math.prod(one.shape)
        if min(one.shape, default=0) < 0 or start + count * dtype.itemsize > length:
            raise ValueError(f"{one.name} has another length")
        array = np.fromfile(path, dtype, count, offset=start)
        found[one.name] = array.reshape(one.shape)
        start += count * dtype.itemsize
    return found
