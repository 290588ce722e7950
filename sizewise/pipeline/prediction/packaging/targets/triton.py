"""A model repository of Triton: a model for each engine, and one that chooses among them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engines.tensorrt.open_plan import PLAN
from sizewise.core.files import demand_file
from sizewise.pipeline.prediction.packaging.engines import PORTABLE, Packed, demand_backends
from sizewise.pipeline.prediction.packaging.job import DRAWING, Job, Written
from sizewise.pipeline.prediction.packaging.models import write_model
from sizewise.pipeline.prediction.packaging.options import TRITON
from sizewise.pipeline.prediction.packaging.pbtxt import message
from sizewise.pipeline.prediction.packaging.routing import NAME, engine_of, routing_of
from sizewise.pipeline.prediction.packaging.shipping import readme, ship
from sizewise.pipeline.prediction.packaging.targets.triton_choice import (
    PYTHON_BACKEND,
    chosen_backend,
)
from sizewise.pipeline.prediction.packaging.targets.triton_configs import native, python, router

REPOSITORY, CONFIG = "models", "config.pbtxt"
BACKENDS = (*PORTABLE, "tensorrt")


def write(job: Job) -> Written:
    """Raises UsageError where an engine can't be run as the options say, and what writing models
    raises."""
    written, by = write_repository(job)
    used = [one.backend for one in job.engines if by[one.name] == PYTHON_BACKEND]
    libraries = (*DRAWING, *dict.fromkeys(used))
    return Written(
        readme=readme(TRITON, name=job.name, libraries=" ".join(libraries)),
        runs_by={name: f"Triton's back end {backend}" for name, backend in by.items()},
        libraries=libraries,
        differences=written,
    )


def write_repository(job: Job) -> tuple[dict[str, float], dict[str, str]]:
    """Write it. Gives how far models are from their engines, and the back end of Triton that runs
    each, by the engines' names."""
    demand_backends(job.engines, TRITON, BACKENDS)
    by = {one.name: chosen_backend(one, job.options.triton_backend) for one in job.engines}
    names = {one.name: f"{job.name}-{one.name}" for one in job.engines}
    home = job.folder / REPOSITORY
    differences = {}
    for one in job.engines:
        off = _write_engine(one, home / names[one.name], names[one.name], by[one.name])
        if off is not None:
            differences[one.name] = off
        job.stage.advance(note=one.name)
    _write_router(job, home / job.name, names)
    return differences, by


def _write_engine(one: Packed, folder: Path, name: str, backend: str) -> float | None:
    """A model of Triton's; how far it is from the engine, None where it is the engine itself."""
    version = folder / "1"
    if one.backend not in PORTABLE:
        version.mkdir(parents=True)
        demand_file(one.artifact.path / PLAN)
        shutil.copyfile(one.artifact.path / PLAN, version / "model.plan")
        _write_config(folder, native(one, name, backend, None))
        return None
    outputs, difference = write_model(one, version / "model.onnx")
    if backend == PYTHON_BACKEND:
        document = engine_of(one, name)
        (version / "engine.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
        ship("sessions.py", version / "sessions.py")
        ship("bucket.py", version / "model.py")
        _write_config(folder, python(one, name, outputs))
    else:
        _write_config(folder, native(one, name, backend, outputs))
    return difference


def _write_router(job: Job, folder: Path, names: dict[str, str]) -> None:
    version = folder / "1"
    for name in ("pictures.py", "detections.py"):
        ship(name, version / name)
    ship("router.py", version / "model.py")
    routing = routing_of(job.plan, job.engines, names, job.name)
    (version / NAME).write_text(json.dumps(routing, indent=1), encoding="utf-8")
    _write_config(folder, router(job.name))


def _write_config(folder: Path, fields: dict[str, object]) -> None:
    (folder / CONFIG).write_text(message(fields), encoding="utf-8")
