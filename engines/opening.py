"""Opening an engine: only the bytes that were built, by the version and on the machine that did."""

from __future__ import annotations

from engines.artifacts import engine_sha256, machine
from engines.base import Backend, Session
from engines.registry import find_backend
from sizewise.errors import EngineMismatchError
from sizewise.specs import EngineArtifact


def open_engine(artifact: EngineArtifact) -> Session:
    """Raises EngineMismatchError where the engine is not what its manifest says.

    This finds damage and mix-ups. It is no protection from whoever can write into the folder:
    an engine is code, and the manifest lies beside it.
    """
    backend = find_backend(artifact.spec.backend)
    verify(artifact, backend)
    return backend.open(artifact)


def verify(artifact: EngineArtifact, backend: Backend) -> None:
    """Raises EngineMismatchError (reason code ``environment``) where the version of ``backend``,
    the machine or the engine's bytes are not those of the build."""
    for what, built, here in (
        (f"version of {backend.name}", artifact.backend_version, backend.version()),
        ("machine", artifact.machine, machine()),
        ("checksum of its files", artifact.sha256, engine_sha256(artifact.path)),
    ):
        if built != here:
            raise EngineMismatchError(
                f"The engine {artifact.path} was not opened",
                f"the {what} was {built!r} when it was built and is {here!r}",
                "Build the engine again with sizewise build.",
                reason_code="environment",
            )
