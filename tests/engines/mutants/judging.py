"""What becomes of a mutant: each in a process of its own, which may die of it.

A process that has imported all libraries forks for each mutant. What sizewise does of itself comes
first: there, only errors with a sentence are allowed. A build and calls follow, which it leaves to
a child: there, a crash costs the engine alone.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from engines import comparing
from engines.attestation import attest
from engines.base import with_further
from engines.graph.requested import requested_precisions
from engines.reference import probe_images
from engines.registry import find_backend
from engines.store.building import build_engine
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from engines.store.parents import find_parent
from sizewise.core import codec
from sizewise.core.errors import EngineError, SizewiseError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from sizewise.pipeline.accuracy.comparing import Judge
from sizewise.pipeline.accuracy.failing import failure_of
from tests.engines.mutants.mutating import mutant
from tests.engines.mutants.seeds import SEEDS, SIDE

Array = NDArray[Any]
Say = Callable[..., None]
MODEL = "m.onnx"
_MEMORY_BYTES, _PATIENCE_S = 6 * 2**30, 40.0
_SIZE = Size(SIDE, SIDE)
_TOLERANCE, _ROUNDING = {"fp32": 0.05}, 1e-5
"""Relative error that is still the same; 8 and 16 bits round more."""


def serve() -> None:
    """Answer each line of standard input, a task as JSON, with a line of what became of it."""
    for backend in ("onnxruntime", "openvino"):
        if find_backend(backend).can_build().ok:
            find_backend(backend).load_builder()
    vars(comparing)["run_in_child"] = _here
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_forked(json.loads(line))) + "\n")
        sys.stdout.flush()


def _here(target: str, arguments: Mapping[str, Any], **_limits: object) -> Any:
    """``compare_engine`` in this process, with what a child's crash would be."""
    del target
    try:
        return comparing.compare_engine(**arguments)
    except SizewiseError:
        raise
    except Exception as error:
        raise EngineError("The child failed", str(error), "Look.") from error


def _forked(task: dict[str, Any]) -> dict[str, Any]:
    ours, theirs = os.pipe()
    if (process := os.fork()) == 0:
        os.close(ours)
        _become(task, theirs)
    os.close(theirs)
    said, in_time = _heard(ours)
    os.close(ours)
    if not in_time:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    known: dict[str, Any] = {"seed": task["seed"], "outcome": "nothing", "stage": "parent"}
    for line in said.splitlines():
        known |= json.loads(line)
    if known["outcome"] == "nothing":
        ended = "died" if in_time else "hung"
        known |= {"outcome": ended, "why": f"status {status}"}
    return known


def _heard(pipe: int) -> tuple[str, bool]:
    """All that the process says, and whether it ended in time."""
    said, end_s = b"", time.monotonic() + _PATIENCE_S
    while (left_s := end_s - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left_s)[0]:
            break
        if not (more := os.read(pipe, 65536)):
            return said.decode(), True
        said += more
    return said.decode(), False


def _become(task: dict[str, Any], pipe: int) -> None:
    """Go through with the task, and end this process."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        with Path(os.devnull).open("w") as null:
            os.dup2(null.fileno(), 1)
            os.dup2(null.fileno(), 2)
        _go_through(task, lambda **said: _write(pipe, said))
        code = 0
    finally:
        os._exit(code)


def _write(pipe: int, said: Mapping[str, Any]) -> None:
    os.write(pipe, (json.dumps(said) + "\n").encode())


def _go_through(task: dict[str, Any], say: Say) -> None:
    folder = Path(task["folder"])
    folder.mkdir(parents=True)
    SEEDS[task["model"]](folder / MODEL)
    say(changes=mutant(folder / MODEL, task["seed"]))
    spec = EngineSpec(backend=task["backend"], strategy="static", profiles=(Profile.fixed(_SIZE),))
    try:
        model = _taken(folder / MODEL, spec)
        say(stage="child")
        artifact = _built(model, spec, folder / "engine")
        say(stage="parent")
        attest(model, artifact)
        say(stage="child")
        comparison = Judge(model, "").compare(artifact, find_parent(model), timeout_s=60)
        if failure := failure_of(artifact, comparison):
            raise failure
        say(outcome=_held_against_itself(model, artifact))
    except SizewiseError as error:
        say(outcome="refused", code=error.reason_code, why=str(error)[:300])
    except Exception as error:  # noqa: BLE001 - it is what is looked for
        say(outcome="untyped", why=f"{type(error).__name__}: {error}"[:300])


def _taken(path: Path, spec: EngineSpec) -> ExportedModel:
    """All that sizewise does with a file before a child is asked."""
    model = read_model(path)
    find_backend(spec.backend).check(model, spec)
    requested_precisions(model)
    codec.to_json(model)
    return model


def _built(model: ExportedModel, spec: EngineSpec, folder: Path) -> EngineArtifact:
    folder.mkdir()
    build_engine(codec.to_plain(model), codec.to_plain(spec), str(folder))
    return read_manifest(folder)


def _held_against_itself(model: ExportedModel, artifact: EngineArtifact) -> str:
    """Whether the engine gives what the library makes of the file without optimisation: by a
    session and a measure that are none of ours."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    plain = onnxruntime.InferenceSession(
        onnx.load(model.path).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = with_further(artifact, probe_images(artifact.image, 1, _SIZE))
    expected = plain.run([output.name for output in model.outputs], given)
    with open_engine(artifact) as session:
        found = session.infer(given)
    room = _TOLERANCE.get(model.card.precision, 0.2)
    pairs = zip(model.outputs, expected, strict=True)
    return "equal" if all(_same(found[o.name], e, room) for o, e in pairs) else "differs"


def _same(found: Array, expected: Array, room: float) -> bool:
    if found.shape != expected.shape or not np.isfinite(expected).all():
        return False
    if expected.dtype.kind != "f":
        return bool(np.mean(found != expected) <= room) if expected.size else True
    off = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    size = np.abs(expected.astype(np.float64))
    largest = float(off.max(initial=0))
    within = largest <= _ROUNDING or np.linalg.norm(off) <= room * np.linalg.norm(size)
    return bool(np.isfinite(largest) and within)
