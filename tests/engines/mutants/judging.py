"""What becomes of a mutant, in a process of its own.

What sizewise does of itself comes first: there, only errors with a sentence are allowed. A build
and calls follow, which it leaves to a child: there, a crash costs the engine alone. At last comes
the judge, which fails at nothing that sizewise relies on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
    Strategy,
)
from sizewise.pipeline.accuracy.comparing import Judge
from sizewise.pipeline.accuracy.failing import failure_of
from tests.engines.mutants.mutating import mutant
from tests.engines.mutants.seeds import SEEDS, SIDE
from tests.engines.mutants.serving import Say, Task, serve

Array = NDArray[Any]
MODEL = "m.onnx"
_SIZE = Size(SIDE, SIDE)
_TOLERANCE, _NARROW, _ROUNDING = {"fp32": 0.01}, 0.2, 1e-5
"""Relative error that is still the same; 8 and 16 bits round more."""
_LABELS = 0.05
"""Share of whole numbers that may be others: those of values that are rounded either way."""


def main(backends: Iterable[str]) -> None:
    """Answer each line of standard input, a task as JSON, with a line of what became of it."""
    load_libraries(backends)
    serve(_go_through)


def load_libraries(backends: Iterable[str]) -> None:
    """Import what a fork needs, and have a comparison run in it, not in a child of its own."""
    for backend in backends:
        find_backend(backend).load_builder()
    vars(comparing)["run_in_child"] = _here


def _here(target: str, arguments: Mapping[str, Any], **_limits: object) -> Any:
    """``compare_engine`` in this process, with what a child's crash would be."""
    del target
    try:
        return comparing.compare_engine(**arguments)
    except SizewiseError:
        raise
    except Exception as error:
        raise EngineError("The child failed", str(error), "Look.") from error


def _go_through(task: Task, say: Say) -> None:
    folder = Path(task["folder"])
    folder.mkdir(parents=True)
    SEEDS[task["model"]](folder / MODEL)
    say(changes=mutant(folder / MODEL, task["seed"]))
    spec = spec_for(task["backend"])
    with said_of_errors(say):
        model = taken(folder / MODEL, spec)
        artifact = built(model, spec, folder / "engine", say)
        say(outcome=_held_against_itself(model, artifact, say))


def spec_for(backend: str, strategy: Strategy = "static") -> EngineSpec:
    return EngineSpec(backend=backend, strategy=strategy, profiles=(Profile.fixed(_SIZE),))


@contextmanager
def said_of_errors(say: Say) -> Iterator[None]:
    """Say what an error comes to: ``refused`` where it has a sentence, else ``untyped``."""
    try:
        yield
    except SizewiseError as error:
        say(outcome="refused", code=error.reason_code, why=str(error)[:300])
    except Exception as error:  # noqa: BLE001 - it is what is looked for
        say(outcome="untyped", why=f"{type(error).__name__}: {error}"[:300])


def taken(path: Path, spec: EngineSpec) -> ExportedModel:
    """All that sizewise does with a file before a child is asked."""
    model = read_model(path)
    find_backend(spec.backend).check(model, spec)
    requested_precisions(model)
    codec.to_json(model)
    return model


def built(model: ExportedModel, spec: EngineSpec, folder: Path, say: Say) -> EngineArtifact:
    """An engine that sizewise would rely on. Raises SizewiseError for any other."""
    say(stage="child")
    folder.mkdir()
    build_engine(codec.to_plain(model), codec.to_plain(spec), str(folder))
    artifact = read_manifest(folder)
    say(stage="parent")
    attest(model, artifact)
    say(stage="child")
    comparison = Judge(model, "").compare(artifact, find_parent(model), timeout_s=60)
    if failure := failure_of(artifact, comparison):
        raise failure
    return artifact


def images_for(artifact: EngineArtifact) -> dict[str, Array]:
    return with_further(artifact, probe_images(artifact.image, 1, _SIZE))


def _held_against_itself(model: ExportedModel, artifact: EngineArtifact, say: Say) -> str:
    """Whether the engine gives what the library makes of the file without optimisation: by a
    session and a measure that are none of ours."""
    import onnxruntime

    given = images_for(artifact)
    with open_engine(artifact) as session:
        found = session.infer(given)
    say(stage="judge")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    # By its bytes: by its path, ONNX Runtime infers no shape from numbers that stand beside a file.
    plain = onnxruntime.InferenceSession(
        onnx.load(model.path).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    expected = plain.run([output.name for output in model.outputs], given)
    room = _TOLERANCE.get(model.card.precision, _NARROW)
    pairs = zip(model.outputs, expected, strict=True)
    return "equal" if all(_same(found[o.name], e, room) for o, e in pairs) else "differs"


def _same(found: Array, expected: Array, room: float) -> bool:
    if found.shape != expected.shape or not np.isfinite(expected).all():
        return False
    if expected.dtype.kind != "f":
        return bool(np.mean(found != expected) <= _LABELS) if expected.size else True
    off = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    size = np.abs(expected.astype(np.float64))
    largest = float(off.max(initial=0))
    within = largest <= _ROUNDING or np.linalg.norm(off) <= room * np.linalg.norm(size)
    return bool(np.isfinite(largest) and within)
