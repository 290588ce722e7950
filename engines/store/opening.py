"""Opening an engine: only if its bytes, version and machine are those of the build, and machine
code only from this user or where they trust it."""

from __future__ import annotations

from collections.abc import Collection

from engines.base import Backend, Session
from engines.registry import find_backend
from engines.store.manifest import engine_sha256, read_signature, signed_text
from engines.store.signing import is_ours
from sizewise.core.errors import EngineMismatchError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import EngineArtifact


def open_engine(artifact: EngineArtifact, trusted: Collection[str] = ()) -> Session:
    """A session on an engine that was verified.

    ``trusted`` are hashes (``EngineArtifact.sha256``) of engines that the user trusts. Raises
    EngineMismatchError where the engine is not what its manifest says, or is code of unknown
    origin; UsageError where ``trusted`` means other engines.

    The files are hashed first and read again to be opened: whoever may write into the folder at
    that moment is trusted with what the user may do. Keep engines where only you write.
    """
    backend = find_backend(artifact.spec.backend)
    verify(artifact, backend, trusted)
    return backend.open(artifact)


def verify(artifact: EngineArtifact, backend: Backend, trusted: Collection[str] = ()) -> None:
    """Refuse an engine that is not what was built here, or that nobody trusts.

    Raises EngineMismatchError where the version of ``backend``, the machine or the engine's bytes
    are not those of the build (reason code ``environment``), or where it is code that is neither
    this user's work nor among ``trusted`` (``untrusted``); UsageError where only ``trusted`` lacks
    it.
    """
    spec, version = artifact.spec, artifact.backend_version
    if not backend.opens(version, spec):
        raise _moved(artifact, f"version of {backend.name}", version, backend.version())
    for what, built, here in (
        ("machine", artifact.machine, backend.machine(spec)),
        ("checksum of its files", artifact.sha256, engine_sha256(artifact.path)),
    ):
        if built != here:
            raise _moved(artifact, what, built, here)
    _demand_trust(artifact, backend, trusted)


def _moved(artifact: EngineArtifact, what: str, built: str, here: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"The engine {artifact.path} was not opened",
        f"the {what} was {built!r} when it was built and is {here!r}",
        "Build the engine again with sizewise build.",
        reason_code="environment",
    )


def _demand_trust(artifact: EngineArtifact, backend: Backend, trusted: Collection[str]) -> None:
    if artifact.sha256 in trusted:
        return
    if trusted:
        raise UsageError(
            f"The engine {artifact.path} was not opened",
            f"you trust {', '.join(sorted(trusted))}, and its SHA-256 is {artifact.sha256}",
            "Give the engine that has the hash you trust, or ask its builder for that engine.",
        )
    if backend.native_code and not _is_signed(artifact):
        raise EngineMismatchError(
            f"The engine {artifact.path} was not opened",
            "it is code that runs with your rights, and its manifest was not signed by you",
            "Build it again with sizewise build; or, if you trust its builder and they tell you "
            f"the same SHA-256, add {spelled('trust_engine')} {artifact.sha256}.",
            reason_code="untrusted",
        )


def _is_signed(artifact: EngineArtifact) -> bool:
    return is_ours(signed_text(artifact), read_signature(artifact.path))
