"""What becomes of a form of hostile external data, in a process of its own: what sizewise does of
itself, then an engine, whose outputs NumPy knows."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from engines.store.opening import open_engine
from engines.store.parents import find_parent
from sizewise.core.errors import SizewiseError
from sizewise.core.onnxfiles.model import load_onnx, read_model
from sizewise.core.onnxfiles.weights import weights_beside, weights_bytes
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel
from tests.engines.mutants.judging import (
    built,
    images_for,
    load_libraries,
    said_of_errors,
    spec_for,
    taken,
)
from tests.engines.mutants.serving import Say, Task, serve
from tests.engines.outside.cases import MODEL, Case
from tests.engines.outside.forms import CHANGES
from tests.engines.outside.graphs import expected

_ROOM_BYTES = 256 * 2**20
"""What sizewise itself may take of memory for a model of a kilobyte."""
_LONGEST = 3000
"""Of an error, in characters."""
_ROUNDING = 1e-5


def main(backends: Iterable[str]) -> None:
    load_libraries(backends)
    serve(_go_through)


def _go_through(task: Task, say: Say) -> None:
    folder = Path(task["folder"])
    folder.mkdir(parents=True)
    case = Case(folder, Path(task["outside"]), task["home"])
    CHANGES[task["wrong"]](case)
    path, spec = case.write(), spec_for(task["backend"], task["strategy"])
    before = _peak_bytes()
    with said_of_errors(say):
        try:
            model = _admitted(path, spec)
        except SizewiseError as error:
            if len(str(error)) > _LONGEST:
                raise ValueError(f"an error of {len(str(error))} characters") from None
            raise
        finally:
            if (taken_bytes := _peak_bytes() - before) > _ROOM_BYTES:
                raise MemoryError(f"{taken_bytes} bytes were taken")
        if case.later:
            case.later()
        artifact = built(model, spec, folder / "engine", say)
        say(outcome="equal" if _is_right(case, artifact) else "differs", stage="judge")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _admitted(path: Path, spec: EngineSpec) -> ExportedModel:
    """The model, after all that sizewise does with it before an engine is built."""
    model = taken(path, spec)
    assert weights_bytes(path) > 0
    load_onnx(path)
    find_parent(model)
    _hashed(model, weights_beside(path))
    return model


def _hashed(model: ExportedModel, files: tuple[str, ...]) -> None:
    """Raises AssertionError where another folder gives the model another hash, or other weights
    give it the same."""
    moved = model.path.parent.with_name(f"{model.path.parent.name} moved")
    shutil.copytree(model.path.parent, moved)
    assert read_model(moved / MODEL).sha256 == model.sha256, "another hash in another folder"
    for name in files:
        data = (moved / name).read_bytes()
        for place in {0, len(data) // 2, len(data) - 1}:
            changed = bytearray(data)
            changed[place] ^= 1
            (moved / name).write_bytes(changed)
            try:
                assert read_model(moved / MODEL).sha256 != model.sha256, "the same hash"
            except SizewiseError:  # the checksum is another, or the file is the model's own
                continue
        (moved / name).write_bytes(data)


def _is_right(case: Case, artifact: EngineArtifact) -> bool:
    given = images_for(artifact)
    with open_engine(artifact) as session:
        found = session.infer(given)["sums"]
    wanted = expected(given["images"], [values for _, values in case.more])
    return found.shape == wanted.shape and bool(np.abs(found - wanted).max() <= _ROUNDING)
