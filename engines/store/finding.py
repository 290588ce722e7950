"""An engine in a folder of engines: taken where it is whole, ours and what was requested."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.registry import find_backend
from engines.store.manifest import Seal, read_manifest, read_seal, signed_text
from engines.store.opening import verify_build
from engines.store.request import Request
from engines.store.signing import has_key, is_ours, is_sealed
from sizewise.core.errors import EngineMismatchError, InputError
from sizewise.core.specs import EngineArtifact

_WRITABLE_BY_OTHERS = 0o022


@dataclass(frozen=True)
class Unfit:
    """What lies under an engine's name and can't be taken, and why."""

    why: str


def find(home: Path, request: Request) -> EngineArtifact | Unfit | None:
    """The engine ``home``, if it is what was requested; None where there is nothing.

    No back end has seen its bytes before they are verified. Raises InputError where the user's key
    can't be used.
    """
    if not os.path.lexists(home):
        return None
    found = examine(home)
    if isinstance(found, Unfit):
        return found if os.path.lexists(home) else None  # another process moved it meanwhile
    why = request.differs_from(found.artifact, found.request)
    return Unfit(why) if why else found.artifact


@dataclass(frozen=True)
class Whole:
    """An engine that this user built here, unchanged, and the request in its manifest."""

    artifact: EngineArtifact
    request: dict[str, Any] | None


def examine(home: Path) -> Whole | Unfit:
    """The engine ``home``, if this user built it here and nothing of it has changed. Raises
    InputError where the user's key can't be used."""
    has_one = has_key()
    try:
        artifact, seal = read_manifest(home), read_seal(home)
        if why := _why_not_ours(artifact, seal, has_one):
            return Unfit(why)
        verify_build(artifact, find_backend(artifact.spec.backend))
    except (EngineMismatchError, InputError) as error:
        return Unfit(error.why)
    return Whole(artifact, seal.request)


def _why_not_ours(artifact: EngineArtifact, seal: Seal, has_one: bool) -> str:
    text = signed_text(artifact, seal.request)
    if has_one:
        signed = is_ours(text, seal.signature)
        return "" if signed else "its manifest was changed, or was not signed by you"
    if find_backend(artifact.spec.backend).native_code:
        return "it is code, and you have no key that could have signed it"
    if not is_sealed(text, seal.signature):
        return "its manifest was changed, or was signed by a key that you don't have"
    return "" if is_the_users_alone(artifact.path) else "others may have written it"


def is_the_users_alone(home: Path) -> bool:
    """Whether all of an engine belongs to this user, and nobody else may write it: what tells a
    user without a key which engines are theirs."""
    if os.name != "posix":
        return False
    try:
        found = [path.lstat() for path in (home, *home.rglob("*"))]
    except OSError:
        return False
    return all(s.st_uid == os.geteuid() and not s.st_mode & _WRITABLE_BY_OTHERS for s in found)


def keep_others_out(home: Path) -> None:
    """Let nobody but this user write an engine. Raises OSError."""
    for path in (home, *home.rglob("*")):
        path.chmod(path.stat().st_mode & ~_WRITABLE_BY_OTHERS)
