"""What a caller of the public functions may give in place of a path, a model or a module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import UsageError
from sizewise.core.specs.sizes import shortened

if TYPE_CHECKING:
    from torch import nn

    from sizewise.core.specs import ExportedModel
    from sizewise.core.specs.traffic import Traffic


def source_of(given: object) -> str | nn.Module:
    """What :func:`sizewise.export` starts from: a name or a path, or the module itself."""
    from sizewise.core.specs import ExportedModel
    from sizewise.pipeline.train import Trained

    given = the_one(given)
    if isinstance(given, str | Path | Trained | ExportedModel):
        return str(given if isinstance(given, str) else path_of(given))
    if hasattr(given, "state_dict"):  # a module, told without importing torch
        return given  # type: ignore[return-value]
    return str(path_of(given))


def each(given: object) -> list[object]:
    """The members of a sequence; anything else by itself."""
    return list(given) if isinstance(given, list | tuple) else [given]


def the_one(given: object) -> object:
    """The one member of a sequence, such as what :func:`export` returns."""
    found = each(given)
    if len(found) != 1:
        raise UsageError(
            f"{len(found)} were given where one is taken",
            "this function works on one model",
            "Call it for each of them.",
        )
    return found[0]


def model_of(given: object) -> ExportedModel:
    """The model itself, or the one in the file at its path."""
    from sizewise.core.onnxfiles.model import read_model
    from sizewise.core.specs import ExportedModel

    given = _converted(given)
    return given if isinstance(given, ExportedModel) else read_model(path_of(given))


def path_of(given: object) -> Path:
    """The path itself, or that of the value that stands for it."""
    from sizewise.core.specs import EngineArtifact, ExportedModel
    from sizewise.pipeline.build import ComparedEngine
    from sizewise.pipeline.train import Trained

    given = _converted(given)
    if isinstance(given, Trained):
        return Path(given.checkpoint)
    if isinstance(given, ComparedEngine):
        return given.artifact.path
    if isinstance(given, ExportedModel | EngineArtifact):
        return given.path
    if isinstance(given, str | Path):
        return Path(given)
    raise UsageError(
        f"{given!r} can't be used here",
        "it is no path, and nothing that a function of sizewise returns",
        "Give a path, or what sw.train, sw.export, sw.convert or sw.build returned.",
    )


def traffic_of(given: object) -> Traffic | str:
    """The traffic itself, that of :func:`sizewise.traffic`, or what it is read from."""
    from sizewise.core.specs.traffic import Traffic
    from sizewise.pipeline.preparation.traffic.opening import TrafficFiles

    given = given.traffic if isinstance(given, TrafficFiles) else given
    if isinstance(given, Traffic):
        return given
    if isinstance(given, str | Path):
        return str(given)
    raise UsageError(
        f"{shortened(given)} is no traffic",
        f"its type is {type(given).__name__}",
        "Give a path, what sw.traffic returned, or sw.Traffic.of(sizes, name=…, made=…).",
    )


def plan_of(given: object) -> Path:
    """The file or folder of a plan, or that of what :func:`sizewise.plan` returned."""
    from sizewise.pipeline.records.planning.options import Planned

    if isinstance(given, Planned):
        return given.path
    if isinstance(given, str | Path):
        return Path(given)
    raise UsageError(
        f"{shortened(given)} is no plan",
        f"its type is {type(given).__name__}",
        "Give the path of plan.json or of its folder, or what sw.plan returned.",
    )


def _converted(given: object) -> object:
    from sizewise.pipeline.convert import Converted

    return given.model if isinstance(given, Converted) else given
