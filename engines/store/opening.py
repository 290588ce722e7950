"""Opening an engine: only if its bytes, version and machine are those of the build, and machine
code only from this user or where they trust it."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from engines.base import Backend, Session
from engines.registry import find_backend
from engines.store.held import held_files
from engines.store.manifest import engine_sha256, read_seal, signed_text
from engines.store.signing import is_ours
from engines.store.using import open_engine_at
from sizewise.core.errors import EngineMismatchError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import EngineArtifact


def open_engine(artifact: EngineArtifact, trusted: Collection[str] = ()) -> Session:
    """A session on an engine that was verified.

    ``trusted`` are hashes (``EngineArtifact.sha256``) of engines that the user trusts. Raises
    EngineMismatchError where the engine is not what its manifest says, or is code of unknown
    origin; UsageError where ``trusted`` means other engines.

    The back end loads the very bytes that were hashed (``engines.store.held``). While the session
    lives, the engine is not evicted.
    """
    backend = find_backend(artifact.spec.backend)
    with ExitStack() as held:
        held.enter_context(open_engine_at(artifact.path))
        with _readable(artifact):
            files = held.enter_context(held_files(artifact.path))
        _demand_built_here(artifact, backend, files.sha256)
        _demand_trust(artifact, backend, trusted)
        session = backend.open(replace(artifact, held=files.folder))
        weakref.finalize(session, held.pop_all().close)
    return session


def verify_build(artifact: EngineArtifact, backend: Backend) -> None:
    """Refuse an engine that is not what was built here.

    Raises EngineMismatchError (``environment``) where the version of ``backend``, the machine or
    the engine's bytes are not those of the build, or where its files can't be read.
    """
    with _readable(artifact):
        sha256 = engine_sha256(artifact.path)
    _demand_built_here(artifact, backend, sha256)


def _demand_built_here(artifact: EngineArtifact, backend: Backend, sha256: str) -> None:
    spec, version = artifact.spec, artifact.backend_version
    if not backend.opens(version, spec):
        raise _moved(artifact, f"version of {backend.name}", version, backend.version())
    for what, built, here in (
        ("machine", artifact.machine, backend.machine(spec)),
        ("checksum of its files", artifact.sha256, sha256),
    ):
        if built != here:
            raise _moved(artifact, what, built, here)


@contextmanager
def _readable(artifact: EngineArtifact) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = f"its files can't be read: {(error.strerror or str(error)).lower()}"
        raise _unopened(artifact, why) from error


def _moved(artifact: EngineArtifact, what: str, built: str, here: str) -> EngineMismatchError:
    return _unopened(artifact, f"the {what} was {built!r} when it was built and is {here!r}")


def _unopened(artifact: EngineArtifact, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"The engine {artifact.path} was not opened",
        why,
        "Build the engine again with sizewise build.",
        reason_code="environment",
    )


def _demand_trust(artifact: EngineArtifact, backend: Backend, trusted: Collection[str]) -> None:
    """Raises EngineMismatchError (``untrusted``) where an engine is code that is neither this
    user's work nor among ``trusted``, UsageError where only ``trusted`` lacks it."""
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
    request, signature = read_seal(artifact.path)
    return is_ours(signed_text(artifact, request), signature)
