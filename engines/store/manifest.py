"""The manifest of an engine: what describes it, and what it was built for, signed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from engines.registry import find_backend
from engines.store.contents import MANIFEST
from engines.store.signing import seal
from sizewise.core import codec
from sizewise.core.errors import EngineMismatchError, InputError, UsageError
from sizewise.core.files import read_file, written_whole
from sizewise.core.onnxfiles.model import LATER
from sizewise.core.options.limits import MANIFEST_BYTES
from sizewise.core.specs import EngineArtifact, EngineSpec

_FORMAT = 4
_LATER = {"further": ()} | {f"card.{name}": value for name, value in LATER.items()}
"""Fields that came later: at their defaults they are left out, so that engines that were built
before are read, and their signatures hold."""
_TODO = "Build the engine again with sizewise build."


@dataclass(frozen=True)
class Written:
    """A manifest as it stands in ``folder``. Nobody knows yet who wrote it (``engines.store.trust``
    tells), so its ``engine`` is not read before it is asked for.

    ``request`` is what the engine was built for (None: an earlier sizewise wrote it), ``signature``
    (empty: none) is that of ``signed_text``, ``sha256`` the hash of the file.
    """

    folder: Path
    engine: Any
    request: dict[str, Any] | None
    signature: str
    signed_text: str
    sha256: str

    def artifact(self) -> EngineArtifact:
        """The engine that it describes. Raises EngineMismatchError where it is of another version
        of sizewise or of a back end that is not here."""
        return _decoded(self.folder / MANIFEST, self.engine)


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
    """The engine that a folder's manifest describes, whoever wrote it.

    Raises InputError where there is no readable manifest, EngineMismatchError where it is of
    another version of sizewise or of a back end that is not here.
    """
    return read_written(folder).artifact()


def read_written(folder: Path) -> Written:
    """A folder's manifest. Raises InputError where there is no readable one, EngineMismatchError
    where it is of another version of sizewise."""
    path = folder / MANIFEST
    content = manifest_bytes(path)
    try:
        data = codec.from_json(content, Any)
        said = data if isinstance(data, dict) else {}
        text = codec.to_json({key: said[key] for key in said if key != "signature"})
    except (ValueError, RecursionError) as error:
        raise _unreadable(folder, str(error)) from error
    if said.get("format") != _FORMAT or "engine" not in said:
        raise _foreign(path, _other_format(said.get("format")))
    request, signature = said.get("request"), said.get("signature")
    if not (request is None or isinstance(request, dict)):
        raise _foreign(path, "its request is none")
    return Written(
        folder=folder,
        engine=said["engine"],
        request=request,
        signature=signature if isinstance(signature, str) else "",
        signed_text=text,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _other_format(found: object) -> str:
    of = f"of format {found}" if found in range(100) else "of no format that is known"
    return f"its manifest is {of}, and this version of sizewise reads format {_FORMAT}"


def manifest_bytes(path: Path) -> bytes:
    """What stands in a manifest. Raises InputError, also where it is too long."""
    try:
        return read_file(path, MANIFEST_BYTES)
    except OSError as error:
        raise _unreadable(path.parent, (error.strerror or str(error)).lower()) from error


def _unreadable(folder: Path, why: str) -> InputError:
    what = f"{folder} isn't an engine of sizewise"
    return InputError(what, f"{MANIFEST} can't be read: {why}", _TODO)


def earlier_engines(folder: Path) -> tuple[Path, ...]:
    """Engines below ``folder`` that an earlier sizewise built: they are never taken for today's."""
    found = []
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        try:
            data = codec.from_json(manifest_bytes(path), Any)
        except (InputError, ValueError, RecursionError):
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


def spec_from_plain(plain: dict[str, Any]) -> EngineSpec:
    """A specification with the back end's own type of options.

    Raises ``msgspec.ValidationError``, and UsageError where there is no such back end.
    """
    spec = codec.from_plain(plain, EngineSpec)
    options_type = find_backend(spec.backend).options_type
    return replace(spec, options=codec.from_plain(plain["options"], options_type))


def artifact_from_plain(plain: dict[str, Any]) -> EngineArtifact:
    """An engine with the back end's own type of options. Raises as :func:`spec_from_plain`, and
    KeyError."""
    artifact = codec.from_plain(plain, EngineArtifact)
    return replace(artifact, spec=spec_from_plain(plain["spec"]))


def _decoded(path: Path, plain: Any) -> EngineArtifact:
    try:
        written = plain | {"path": str(path.parent)}
        artifact = artifact_from_plain(written)
        same = codec.to_json(_plain(artifact)) == codec.to_json(written)
    except (msgspec.ValidationError, TypeError, KeyError, UsageError, RecursionError) as error:
        raise _foreign(path, str(error)) from error
    # A key that we dropped in reading may have meant something to whoever wrote it.
    if not same:
        raise _foreign(path, "it has other fields than this version knows")
    return artifact


def _foreign(path: Path, why: str) -> EngineMismatchError:
    what = f"The manifest {path} is of another version or damaged"
    return EngineMismatchError(what, why, _TODO, reason_code="environment")
