"""The models for OpenVINO Model Server: one each, with its shape and the plug-in's settings."""

from __future__ import annotations

import json
from typing import Any

from sizewise.pipeline.prediction.packaging.engines import Packed, demand_backends
from sizewise.pipeline.prediction.packaging.job import DRAWING, Job, Written
from sizewise.pipeline.prediction.packaging.models import write_model
from sizewise.pipeline.prediction.packaging.options import OVMS
from sizewise.pipeline.prediction.packaging.routing import NAME, bounds_of, routing_of, settings_of
from sizewise.pipeline.prediction.packaging.shipping import readme, ship

_CODE = ("client.py", "pictures.py", "detections.py")
CONFIG = "config.json"


def write(job: Job) -> Written:
    """Raises UsageError where an engine is of another back end, and what writing models raises."""
    demand_backends(job.engines, OVMS, ("openvino",))
    names = {one.name: f"{job.name}-{one.name}" for one in job.engines}
    differences, configs = {}, []
    for one in job.engines:
        place = job.folder / "models" / names[one.name] / "1" / "model.onnx"
        _, differences[one.name] = write_model(one, place)
        configs.append({"config": _config(one, names[one.name])})
        job.stage.advance(note=one.name)
    document = {"model_config_list": configs}
    (job.folder / "models" / CONFIG).write_text(json.dumps(document, indent=2), encoding="utf-8")
    routing = routing_of(job.plan, job.engines, names, job.name)
    (job.folder / NAME).write_text(json.dumps(routing, indent=1), encoding="utf-8")
    for name in _CODE:
        ship(name, job.folder / name)
    return Written(
        readme=readme(OVMS, name=job.name),
        runs_by={one.name: "OpenVINO Model Server" for one in job.engines},
        libraries=(*DRAWING, "openvino"),
        differences=differences,
    )


def _config(one: Packed, name: str) -> dict[str, Any]:
    """``base_path`` starts at the folder of the configuration; settings are those of the plan."""
    return {
        "name": name,
        "base_path": name,
        "shape": {one.artifact.image.tensor.name: _shape(one)},
        "target_device": "CPU",
        "nireq": 1,
        "plugin_config": settings_of(one)["config"],
    }


def _shape(one: Packed) -> str:
    """``(1,3,320,320)``, or ``(1,3,320:640,320:640)`` with the least and the most."""
    sides = (
        f"{side[0]}:{side[1]}" if isinstance(side, list) else str(side) for side in bounds_of(one)
    )
    return f"({','.join(sides)})"
