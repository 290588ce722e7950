"""A folder with the models and a loader in Python that needs nothing of sizewise."""

from __future__ import annotations

import json

from sizewise.pipeline.prediction.packaging.engines import PORTABLE, demand_backends
from sizewise.pipeline.prediction.packaging.job import DRAWING, Job, Written
from sizewise.pipeline.prediction.packaging.models import write_model
from sizewise.pipeline.prediction.packaging.options import FOLDER
from sizewise.pipeline.prediction.packaging.routing import NAME, routing_of
from sizewise.pipeline.prediction.packaging.shipping import readme, ship

_CODE = ("loader.py", "pictures.py", "detections.py", "sessions.py")


def write(job: Job) -> Written:
    """Raises UsageError where an engine is of another back end, and what writing models raises."""
    demand_backends(job.engines, FOLDER, PORTABLE)
    files = {one.name: f"models/{one.name}/model.onnx" for one in job.engines}
    differences = {}
    for one in job.engines:
        _, differences[one.name] = write_model(one, job.folder / files[one.name])
        job.stage.advance(note=one.name)
    routing = routing_of(job.plan, job.engines, files, job.name)
    (job.folder / NAME).write_text(json.dumps(routing, indent=1), encoding="utf-8")
    for name in _CODE:
        ship(name, job.folder / name)
    return Written(
        readme=readme(FOLDER, name=job.name, libraries=" ".join((*DRAWING, *job.backends))),
        runs_by={one.name: f"{one.backend} in loader.py" for one in job.engines},
        libraries=(*DRAWING, *job.backends),
        differences=differences,
    )
