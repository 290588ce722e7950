"""Engines that are built once: same model, specification, version and machine, same folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from engines.attestation import attest
from engines.base import Backend
from engines.registry import find_backend
from engines.store.evicting import keep_within, usual_limit
from engines.store.finding import find
from engines.store.names import clear_drafts, new_draft
from engines.store.request import Request
from engines.store.sharing import (
    Remark,
    clear_dead_drafts,
    move_aside,
    remark_without_key,
    sole_builder,
)
from engines.store.signing import KEY_FILE
from engines.store.using import enter, give
from sizewise.core import codec
from sizewise.core.children.child import run_in_child
from sizewise.core.errors import BuildError
from sizewise.core.files import is_there, output_error, output_folder, rename_durably
from sizewise.core.machine.environment import read_environment
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, OnProgress, unheard
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel


class _Limits(TypedDict):
    timeout_s: float
    memory_limit_bytes: int | None


@dataclass(frozen=True)
class _Build:
    """What to build, within which limits, and who hears of it."""

    request: Request
    limits: _Limits
    on_progress: OnProgress
    remark: Remark


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
    remark: Remark = SILENT.remark,
) -> EngineArtifact:
    """An engine in a folder of its own below ``folder``: an earlier build that is unchanged, or a
    new one, built in a child process.

    A ``rebuild`` above 0 is another build of the same engine: builds differ in speed, too. Of
    several processes that want one engine, one builds it and the others wait. What lies under the
    engine's name and is not what was requested, is damaged or was not signed by this user is moved
    aside. ``remark`` hears of both, ``on_progress`` of the build's progress. Ctrl-C ends it and
    leaves nothing behind. With ``must_run``, nothing is built where the back end can't run engines.

    Raises EngineError (ChildError where the build crashed, hung or outgrew its memory; BuildError
    where another process takes too long; EngineMismatchError where the engine does not run in the
    precision that the graph requests), InputError where the user's key can't be used, OutputError,
    and UsageError where the limit of the folder can't be read.
    """
    backend = find_backend(spec.backend)
    backend.check(model, spec)
    if must_run:
        backend.demand_run()
    limits = _Limits(timeout_s=timeout_s, memory_limit_bytes=memory_limit_bytes)
    request = _request(model, spec, backend, rebuild)
    artifact = _obtained(folder, _Build(request, limits, on_progress, remark))
    attest(model, artifact)
    return artifact


def engine_name(model: ExportedModel, spec: EngineSpec, backend: Backend, rebuild: int = 0) -> str:
    """``<back end>-<strategy>-<sizes>-<key>``; the key is a hash of everything that decides the
    build."""
    return _request(model, spec, backend, rebuild).name


def _request(model: ExportedModel, spec: EngineSpec, backend: Backend, rebuild: int) -> Request:
    return Request(model, spec, backend, read_environment().fingerprint, rebuild)


def _obtained(folder: Path, build: _Build) -> EngineArtifact:
    home, limit_bytes = folder / build.request.name, usual_limit()
    enter(folder)
    found = find(home, build.request)
    if isinstance(found, EngineArtifact):  # its folder may be one that can only be read
        clear_dead_drafts(home)
        give(home)
        return found
    enter(output_folder(folder))
    with sole_builder(home, build.limits["timeout_s"], build.remark) as is_sole:
        artifact = _found_or_built(home, build, is_sole=is_sole)
    give(home)
    if limit_bytes is not None:
        keep_within(folder, limit_bytes, build.remark)
    return artifact


def _found_or_built(home: Path, build: _Build, *, is_sole: bool) -> EngineArtifact:
    found = find(home, build.request)  # another process may have built it meanwhile
    if isinstance(found, EngineArtifact):
        return found
    if is_sole:
        clear_drafts(home)
    if found is not None:
        move_aside(home, found, build.remark)
    remark_without_key(build.request.backend, build.remark)
    return _built(home, build)


def _built(home: Path, build: _Build) -> EngineArtifact:
    draft = new_draft(home)
    arguments = {
        "model": codec.to_plain(build.request.model),
        "spec": codec.to_plain(build.request.spec),
        "folder": str(draft),
        "request": build.request.plain,
    }
    try:
        draft.mkdir()
        run_in_child(
            "engines.store.building:build_engine",
            arguments,
            **build.limits,
            on_progress=build.on_progress,
        )
        return _named(draft, home, build.request)
    except OSError as error:
        raise output_error(home, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _named(draft: Path, home: Path, request: Request) -> EngineArtifact:
    refused: OSError | None = None
    try:
        rename_durably(draft, home)
    except OSError as error:  # without locks, another process may have been first
        if not is_there(error):
            raise
        refused = error
    # Held against the request like any other: the folder may be one that others write, too.
    found = find(home, request)
    if isinstance(found, EngineArtifact):
        return found
    raise refused or BuildError(
        f"The engine {home} was built, and can't be used",
        found.why if found else "it is gone again",
        f"Choose a folder with {spelled('out')} that nobody else may write. If you have no key, "
        f"let {KEY_FILE} name a file for one.",
    )
