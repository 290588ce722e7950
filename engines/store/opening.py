"""Opening an engine: only if its bytes, version and machine are those of the build, and only from
this user or where they trust it."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from engines.base import Backend, Session
from engines.registry import find_backend
from engines.store.contents import engine_bytes, engine_sha256
from engines.store.held import HeldEngine, held_files
from engines.store.manifest import read_written
from engines.store.trust import demand_trust, untrusted
from engines.store.using import held_folder, open_engine_at
from sizewise.core.errors import EngineMismatchError, SizewiseError
from sizewise.core.specs import EngineArtifact


def open_engine(artifact: EngineArtifact, trusted: Collection[str] = ()) -> Session:
    """A session on an engine that was verified.

    ``trusted`` are hashes of manifests (``Written.sha256``) that the user trusts. Raises
    EngineMismatchError where the engine is not what its manifest says, or is of unknown origin;
    UsageError where ``trusted`` means other engines; InputError where the user's key can't be used.

    The back end loads the very bytes that were hashed (``engines.store.held``). While the session
    lives, the engine is not evicted.
    """
    backend = find_backend(artifact.spec.backend)
    with ExitStack() as held:
        held.enter_context(open_engine_at(artifact.path))
        folder = held.enter_context(held_folder(artifact.path))
        with _called(artifact.path, folder):
            firm = replace(artifact, path=folder)
            with _readable(firm):
                files = held.enter_context(held_files(folder))
            _demand_built_here(firm, backend, files.sha256)
            _demand_authentic(firm, trusted)
        session = backend.open(HeldEngine(**vars(artifact), held=files.folder))
        session.artifact = artifact
        weakref.finalize(session, held.pop_all().close)
    return session


@contextmanager
def _called(home: Path, held: Path) -> Iterator[None]:
    """Errors of the block name the folder as the user does."""
    try:
        yield
    except SizewiseError as error:
        error.what, error.why = (
            text.replace(str(held), str(home)) for text in (error.what, error.why)
        )
        raise


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
    """Files are read within it: none that grew without end, and what the system refuses is an
    EngineMismatchError."""
    try:
        length = engine_bytes(artifact.path)
        if length != artifact.size_bytes:
            built = f"they have {length:,} bytes, and had {artifact.size_bytes:,} when it was built"
            raise _unopened(artifact, f"the checksum of its files can't be right: {built}")
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


def _demand_authentic(artifact: EngineArtifact, trusted: Collection[str]) -> None:
    """Refuse an engine of others, and one that is described otherwise than its manifest does."""
    written = read_written(artifact.path)
    demand_trust(written, trusted)
    # The user may say themselves what inputs beside the picture are given.
    if replace(written.artifact(), further=artifact.further) != artifact:
        raise untrusted(written, "it is not what its manifest says")
