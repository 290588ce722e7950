"""Engines that are built once: same model, specification, version and machine, same folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TypedDict

import psutil

from engines.attestation import attest
from engines.base import Backend
from engines.registry import find_backend
from engines.store.manifest import MANIFEST, read_manifest
from engines.store.opening import verify
from sizewise.core import codec
from sizewise.core.children.child import run_in_child
from sizewise.core.errors import EngineMismatchError, InputError
from sizewise.core.files import output_error, output_folder, rename_durably
from sizewise.core.further.resolving import further_of
from sizewise.core.machine.environment import read_environment
from sizewise.core.progress import OnProgress, unheard
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel

_KEY_LENGTH = 10


class _Limits(TypedDict):
    timeout_s: float
    memory_limit_bytes: int | None


def obtain_engine(
    model: ExportedModel,
    spec: EngineSpec,
    folder: Path,
    *,
    timeout_s: float = 1800,
    memory_limit_bytes: int | None = None,
    on_progress: OnProgress = unheard,
    must_run: bool = False,
    rebuild: int = 0,
) -> EngineArtifact:
    """An engine in a folder of its own below ``folder``: an earlier build that is unchanged, or a
    new one, built in a child process.

    A ``rebuild`` above 0 is another build of the same engine: builds differ in speed, too.
    ``on_progress`` hears of the build's progress. Ctrl-C ends it and leaves nothing behind. With
    ``must_run``, nothing is built where the back end can't run engines. Raises EngineError
    (ChildError where the build crashed, hung or outgrew its memory; EngineMismatchError where the
    engine does not run in the precision that the graph requests, or is code that another user
    built: it stays in its folder, and is refused again), InputError where the user's key can't be
    used, OutputError.
    """
    backend = find_backend(spec.backend)
    backend.check(model, spec)
    if must_run:
        backend.demand_run()
    home = output_folder(folder) / engine_name(model, spec, backend, rebuild)
    limits = _Limits(timeout_s=timeout_s, memory_limit_bytes=memory_limit_bytes)
    artifact = _earlier(home, backend) or _built(model, spec, home, limits, on_progress)
    attest(model, artifact)
    return artifact


def engine_name(model: ExportedModel, spec: EngineSpec, backend: Backend, rebuild: int = 0) -> str:
    """``<back end>-<strategy>-<sizes>-<key>``; the key is a hash of everything that decides the
    build."""
    decisive = {
        "model": model.sha256,
        "spec": codec.telling(spec),
        "version": backend.version(),
        "builder": backend.builder,
        "environment": read_environment().fingerprint,
    } | ({"rebuild": rebuild} if rebuild else {})
    if further := further_of(model):
        decisive |= {"further": [f"{one} {one.dtype}" for one in further]}
    key = hashlib.sha256(codec.to_json(decisive).encode()).hexdigest()[:_KEY_LENGTH]
    first, last = spec.profiles[0], spec.profiles[-1]
    sizes = str(first.min) if first.min == last.max else f"{first.min}-{last.max}"
    return f"{spec.backend}-{spec.strategy}-{sizes}-{key}"


def _earlier(home: Path, backend: Backend) -> EngineArtifact | None:
    """A build that is unchanged; a damaged one is removed, to be built again.

    Raises EngineMismatchError (``untrusted``) for another user's, InputError where our key can't be
    used: both stay.
    """
    if not home.exists():
        return None
    artifact = _readable(home)
    if artifact is not None and _is_whole(artifact, backend):
        return artifact
    _remove(home)
    return None


def _readable(home: Path) -> EngineArtifact | None:
    try:
        return read_manifest(home)
    except (EngineMismatchError, InputError):
        return None


def _is_whole(artifact: EngineArtifact, backend: Backend) -> bool:
    try:
        verify(artifact, backend)
    except EngineMismatchError as error:
        if error.reason_code == "untrusted":
            raise _not_ours(artifact.path, error) from error
        return False
    return True


def _remove(home: Path) -> None:
    try:
        shutil.rmtree(home)
    except OSError as error:
        raise output_error(home, error) from error


def _not_ours(home: Path, error: EngineMismatchError) -> EngineMismatchError:
    """The error for an engine that may be whole, and another user's in a shared folder."""
    return EngineMismatchError(
        f"The engine {home} was neither used nor built again",
        error.why,
        "Build into a folder of your own, or delete that engine if nobody needs it.",
        reason_code=error.reason_code,
    )


def _built(
    model: ExportedModel,
    spec: EngineSpec,
    home: Path,
    limits: _Limits,
    on_progress: OnProgress,
) -> EngineArtifact:
    _clear_drafts(home)
    draft = home.with_name(f".{home.name}.{os.getpid()}")
    arguments = {
        "model": codec.to_plain(model),
        "spec": codec.to_plain(spec),
        "folder": str(draft),
    }
    try:
        draft.mkdir()
        run_in_child(
            "engines.store.building:build_engine",
            arguments,
            **limits,
            on_progress=on_progress,
        )
        _move(draft, home)
    except OSError as error:
        raise output_error(home, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return read_manifest(home)


def _move(draft: Path, home: Path) -> None:
    try:
        rename_durably(draft, home)
    except OSError:
        # Another process may have been first with the same engine: then its build is taken.
        if not (home / MANIFEST).is_file():
            raise


def _clear_drafts(home: Path) -> None:
    """Remove drafts of this engine whose process was killed."""
    for draft in home.parent.glob(f".{home.name}.*"):
        if not psutil.pid_exists(int(draft.suffix[1:])):
            shutil.rmtree(draft, ignore_errors=True)
