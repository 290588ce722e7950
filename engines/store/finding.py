"""An engine in a folder of engines: taken where it is whole, ours and what was requested."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.registry import find_backend
from engines.store.manifest import read_written
from engines.store.opening import verify_build
from engines.store.request import Request
from engines.store.signing import has_key
from engines.store.trust import why_not_ours
from sizewise.core.errors import EngineMismatchError, InputError
from sizewise.core.specs import EngineArtifact


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
    has_key()  # Where it can't be used, nothing is known of any engine.
    try:
        written = read_written(home)
        if why := why_not_ours(written):
            return Unfit(why)
        artifact = written.artifact()
        verify_build(artifact, find_backend(artifact.spec.backend))
    except (EngineMismatchError, InputError) as error:
        return Unfit(error.why)
    return Whole(artifact, written.request)
