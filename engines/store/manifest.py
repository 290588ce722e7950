"""An engine on disk: a folder with the engine's files and a manifest that describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engines.registry import find_backend
from engines.store.signing import seal
from sizewise.core import codec
from sizewise.core.errors import EngineMismatchError, InputError, UsageError
from sizewise.core.files import open_file, written_whole
from sizewise.core.onnxfiles.model import LATER, sha256_of
from sizewise.core.specs import EngineArtifact, EngineSpec

MANIFEST = "manifest.json"
_FORMAT = 4
_LATER = {"further": (), "held": None} | {f"card.{name}": value for name, value in LATER.items()}
"""Fields that came later: at their defaults they are left out, so that engines that were built
before are read, and their signatures hold."""
_TODO = "Build the engine again with sizewise build."


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
        digest.update(f"{name.as_posix()} {sha256}\n".encode())
    return digest.hexdigest()


class Seal(NamedTuple):
    """What a manifest says beside the engine: the ``request`` that it was built for (None: an
    earlier sizewise wrote it), and the ``signature`` of all (empty: none)."""

    request: dict[str, Any] | None
    signature: str


def write_manifest(artifact: EngineArtifact, request: Mapping[str, Any] | None = None) -> None:
    """Write the manifest into ``artifact.path``, signed by the user's key.

    ``request`` is what the engine was built for (``engines.store.request``). The manifest does not
    hold that path: the folder can be moved. Raises OutputError, and InputError where the user's key
    can't be used. A user who can have no key signs by none, unless the engine holds code.
    """
    native = find_backend(artifact.spec.backend).native_code
    signature = {"signature": seal(signed_text(artifact, request), by_key=native)}
    with written_whole(artifact.path / MANIFEST) as draft:
        text = codec.to_json(_document(artifact, request) | signature)
        draft.write_text(text, encoding="utf-8")


def signed_text(artifact: EngineArtifact, request: Mapping[str, Any] | None = None) -> str:
    """The text that is signed: all that the manifest says, and so the engine's own hash."""
    return codec.to_json(_document(artifact, request))


def _document(artifact: EngineArtifact, request: Mapping[str, Any] | None) -> dict[str, Any]:
    plain = _plain(artifact)
    del plain["path"]
    said = {} if request is None else {"request": request}
    return {"format": _FORMAT, "engine": plain, **said}


def _plain(artifact: EngineArtifact) -> dict[str, Any]:
    plain: dict[str, Any] = codec.without(codec.to_plain(artifact), _LATER)
    return plain


def read_manifest(folder: Path) -> EngineArtifact:
    """The engine that a folder's manifest describes.

    Raises InputError where there is no readable manifest, EngineMismatchError where it is of
    another version of sizewise or of a back end that is not here.
    """
    return _decoded(folder / MANIFEST, _read(folder)["engine"])


def read_seal(folder: Path) -> Seal:
    """What a folder's manifest says beside the engine. Raises as :func:`read_manifest` does."""
    document = _read(folder)
    request, signature = document.get("request"), document.get("signature")
    if not (request is None or isinstance(request, dict)):
        raise _foreign(folder / MANIFEST, "its request is none")
    return Seal(request, signature if isinstance(signature, str) else "")


def earlier_engines(folder: Path) -> tuple[Path, ...]:
    """Engines below ``folder`` that an earlier sizewise built: they are never taken for today's."""
    found = []
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        try:
            data = codec.from_json(_content(path), Any)
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(data, dict) and data.get("format") in range(_FORMAT):
            found.append(path.parent)
    return tuple(found)


def remark_on_earlier(folder: Path, remark: Callable[[str], None]) -> None:
    """Say where engines of an earlier sizewise lie, and what becomes of them."""
    if found := earlier_engines(folder):
        count = f"{len(found)} engines" if found[1:] else "An engine"
        remark(
            f"{count} in {folder} came from an earlier sizewise, which ran them otherwise: engines "
            "are built anew beside them. Delete the old ones whenever you like."
        )


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        data = codec.from_json(_content(path), Any)
    except (OSError, ValueError, RecursionError) as error:
        what = f"{folder} isn't an engine of sizewise"
        raise InputError(what, f"{MANIFEST} can't be read: {error}", _TODO) from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT or "engine" not in data:
        raise _foreign(path, f"it is not of format {_FORMAT}")
    return data


def _content(path: Path) -> bytes:
    """The bytes of a manifest. Raises OSError, also where it is no file: a pipe would never end."""
    with open_file(path) as file:
        return file.read()


def spec_from_plain(plain: dict[str, Any]) -> EngineSpec:
    """A specification with the back end's own type of options.

    Raises ``msgspec.ValidationError``, and UsageError where there is no such back end.
    """
    spec = codec.from_plain(plain, EngineSpec)
    options_type = find_backend(spec.backend).options_type
    return replace(spec, options=codec.from_plain(plain["options"], options_type))


def _decoded(path: Path, plain: Any) -> EngineArtifact:
    try:
        written = plain | {"path": str(path.parent)}
        artifact = codec.from_plain(written, EngineArtifact)
        artifact = replace(artifact, spec=spec_from_plain(plain["spec"]))
    except (msgspec.ValidationError, TypeError, KeyError, UsageError) as error:
        raise _foreign(path, str(error)) from error
    # A key that we dropped in reading may have meant something to whoever wrote it.
    if codec.to_json(_plain(artifact)) != codec.to_json(written):
        raise _foreign(path, "it has other fields than this version knows")
    return artifact


def _linked(path: Path) -> EngineMismatchError:
    why = f"{path} is a link, and its target may change unnoticed"
    what = f"{path.parent} can't be part of an engine"
    return EngineMismatchError(what, why, _TODO, reason_code="environment")


def _foreign(path: Path, why: str) -> EngineMismatchError:
    what = f"The manifest {path} is of another version or damaged"
    return EngineMismatchError(what, why, _TODO, reason_code="environment")
