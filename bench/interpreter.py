"""Another Python, with packages of its own: engines are built and run there, measured from here.

What works there is the sizewise that is installed there, in child processes of this one. So it has
to be of the same version: it measures as this one does, and both understand each other.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import msgspec

from bench.planning.plan import Planned, version_of
from bench.planning.protocol import HARNESS
from bench.waves.launch import Limits
from engines.registry import backends
from engines.store.cache import obtain_engine
from engines.store.manifest import read_manifest, spec_from_plain
from sizewise._version import __version__
from sizewise.core import codec
from sizewise.core.children.child import ChildError, run_in_child
from sizewise.core.errors import InputError
from sizewise.core.machine.environment import Environment, read_environment
from sizewise.core.specs import EngineArtifact, ExportedModel

_DESCRIBE, _OBTAIN = "bench.interpreter:describe", "bench.interpreter:obtain"
_PATIENCE = 3
"""An engine may be waited for, built and checked there; each has the limit of a build."""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """``path`` is its program, ``versions`` are of what makes engines there, by back end."""

    path: str
    environment: Environment
    versions: Mapping[str, str]


def read_interpreter(given: Path, *, timeout_s: float = 120) -> Interpreter:
    """Ask a Python what it has. Raises InputError where it is none, where sizewise is not installed
    there, and where that is another version than this."""
    path = shutil.which(str(given))
    if path is None:
        _refuse(given, "there is no program of this name", "Name the python of an environment")
    try:
        said = run_in_child(_DESCRIBE, {}, timeout_s=timeout_s, python=path)
        there = codec.from_plain(said, _Described)
    except ChildError as error:
        _refuse(given, f"sizewise {__version__} does not answer there ({error.why})")
    except msgspec.ValidationError as error:
        _refuse(given, f"its sizewise describes itself in another way ({error})")
    if (there.sizewise, there.harness) != (__version__, HARNESS):
        mine = f"this is {__version__}, whose harness has the number {HARNESS}"
        _refuse(given, f"its sizewise is {there.sizewise}, with harness {there.harness}; {mine}")
    environment = codec.from_plain(there.environment, Environment)
    return Interpreter(path=path, environment=environment, versions=there.versions)


@dataclass(frozen=True, kw_only=True)
class _Described:
    sizewise: str
    harness: int
    environment: dict[str, Any]
    versions: dict[str, str]


def _refuse(given: Path, why: str, todo: str = "") -> Never:
    install = f"Install this sizewise there, with a back end: {given} -m pip install"
    raise InputError(
        f"The interpreter {given} can't measure the base",
        why,
        f"{todo}." if todo else f"{install} 'sizewise[cpu]=={__version__}'.",
    )


def describe() -> dict[str, Any]:
    """What :func:`read_interpreter` asks; this works there."""
    described = _Described(
        sizewise=__version__,
        harness=HARNESS,
        environment=codec.to_plain(read_environment()),
        versions={name: version_of(backend) for name, backend in backends().items()},
    )
    plain: dict[str, Any] = codec.to_plain(described)
    return plain


def obtain_there(
    planned: Planned, rebuild: int, folder: Path, limits: Limits, remark: Callable[[str], None]
) -> EngineArtifact:
    """The engine of a trial, built or found by its interpreter. Raises as ``obtain_engine``."""
    answer = run_in_child(
        _OBTAIN,
        {
            "model": codec.to_plain(planned.model),
            "spec": codec.to_plain(planned.trial.spec),
            "folder": str(folder),
            "rebuild": rebuild,
            "limits": codec.to_plain(limits),
        },
        timeout_s=_PATIENCE * limits.timeout_s,
        python=planned.python,
    )
    for one in answer["remarks"]:
        remark(one)
    return read_manifest(Path(answer["path"]))


def obtain(
    model: dict[str, Any],
    spec: dict[str, Any],
    folder: str,
    rebuild: int,
    limits: dict[str, Any],
) -> dict[str, Any]:
    """The path of an engine, and remarks; this works there. ``model``, ``spec`` and ``limits`` are
    plain."""
    within = codec.from_plain(limits, Limits)
    remarks: list[str] = []
    artifact = obtain_engine(
        codec.from_plain(model, ExportedModel),
        spec_from_plain(spec),
        Path(folder),
        timeout_s=within.timeout_s,
        memory_limit_bytes=within.memory_bytes,
        must_run=True,
        rebuild=rebuild,
        remark=remarks.append,
    )
    return {"path": str(artifact.path), "remarks": remarks}
