"""The engines of a plan that a package can hold, and how their outputs are read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engines.registry import find_backend
from engines.store.opening import verify_build
from netzoo.tasks.kinds.detection import BoxPredictor
from sizewise.core.errors import InputError, UsageError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import spelled
from sizewise.core.specs import EngineArtifact, ExportedModel
from sizewise.core.specs.plan import Plan, PlannedEngine
from sizewise.pipeline.prediction.choosing import predictor_at
from sizewise.pipeline.prediction.packaging.options import PackageOptions
from sizewise.pipeline.prediction.packaging.shipped.detections import LAYOUTS
from sizewise.pipeline.prediction.pool.opening import open_plan
from sizewise.pipeline.prediction.pool.options import PoolOptions

PORTABLE = ("onnxruntime", "openvino")
"""The back ends whose models travel as ONNX files; the engines of others travel as they are."""
_SERVE = "Use sizewise serve, which serves every plan."


@dataclass(frozen=True, kw_only=True)
class Packed:
    """An engine of a plan, called ``name`` in the package. ``model`` is its ONNX file, of back ends
    that are ``PORTABLE``; ``trusted`` are the hashes by which the user trusts it."""

    name: str
    planned: PlannedEngine
    artifact: EngineArtifact
    predictor: BoxPredictor
    trusted: Collection[str]
    model: ExportedModel | None

    @property
    def backend(self) -> str:
        return self.artifact.spec.backend


def read_engines(plan: Plan, folder: Path, options: PackageOptions) -> tuple[Packed, ...]:
    """The engines of ``plan``, whose relative paths start at ``folder``.

    Raises UsageError and InputError where one is gone, changed, or nothing that a package can run,
    EngineMismatchError, and InputError where its model is gone.
    """
    models = _models(plan, folder, options)
    opening = open_plan(
        plan, folder, PoolOptions(trust_engines=options.trust_engines, input=options.input)
    )
    names = _names(one.name for one in plan.engines)
    found = []
    for planned, member in zip(plan.engines, opening.members, strict=True):
        artifact = member.artifact
        verify_build(artifact, find_backend(artifact.spec.backend))
        predictor = predictor_at(artifact, planned.sizes[0], options, to_draw=False)
        portable = artifact.spec.backend in PORTABLE
        packed = Packed(
            name=names[planned.name],
            planned=planned,
            artifact=artifact,
            predictor=_demand_packable(planned.name, artifact, predictor),
            trusted=opening.trusted[planned.name],
            model=_demand_model(plan, planned, models) if portable else None,
        )
        found.append(packed)
    return tuple(found)


def renamed(plan: Plan) -> Plan:
    """``plan`` with its engines called as a package calls them, and without paths."""
    names = _names(one.name for one in plan.engines)
    return replace(
        plan,
        models=tuple(replace(one, path=Path(one.path).name) for one in plan.models),
        engines=tuple(replace(one, name=names[one.name], artifact="") for one in plan.engines),
        routes=tuple(
            replace(one, place=replace(one.place, engine=names[one.place.engine]))
            for one in plan.routes
        ),
    )


def demand_backends(engines: Iterable[Packed], target: str, backends: Collection[str]) -> None:
    """Raises UsageError for an engine of a back end that ``target`` can't run."""
    for one in engines:
        if one.backend not in backends:
            raise UsageError(
                f"The plan can't be packed for {spelled('target')} {target}",
                f"its engine {one.planned.name} runs in {one.backend}, and this target runs "
                f"{' and '.join(backends)} alone",
                "Choose another target, or plan with results of these back ends alone. "
                "sizewise serve serves every plan.",
            )


def safe_name(text: str) -> str:
    """``text`` as the name of a folder, of a model in a server and in Kubernetes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "model"


def _names(engines: Iterable[str]) -> dict[str, str]:
    """A name for each engine, no two alike."""
    found: dict[str, str] = {}
    for engine in engines:
        name, number = safe_name(engine), 2
        while name in found.values():
            name, number = f"{safe_name(engine)}-{number}", number + 1
        found[engine] = name
    return found


def _demand_packable(name: str, artifact: EngineArtifact, predictor: object) -> BoxPredictor:
    card, spec = artifact.card, artifact.spec
    layout = predictor.card.layout if isinstance(predictor, BoxPredictor) else card.layout
    if not isinstance(predictor, BoxPredictor):
        why = f"it is for {card.task}, and packages are for detection"
    elif card.tree:
        why = "its classes are a tree, and packages read plain classes"
    elif layout not in LAYOUTS:
        why = f"the layout of its outputs is {layout}, and packages read {', '.join(LAYOUTS)}"
    elif artifact.further:
        why = f"it takes {artifact.further[0].name} beside the picture"
    elif spec.batches.min > 1:
        why = f"it takes batches of {spec.batches}, and a package runs one picture at a time"
    elif getattr(spec.options, "flush_subnormals", False):
        why = "its option flush_subnormals is one of the calling thread, which servers don't set"
    else:
        return predictor
    raise UsageError(f"The engine {name} can't be packed", why, _SERVE)


def _models(plan: Plan, folder: Path, options: PackageOptions) -> Mapping[str, ExportedModel]:
    """The ONNX files that are there, by their hashes."""
    found = {}
    for path in options.models:
        model = read_model(path)
        found[model.sha256] = model
    if unknown := found.keys() - {one.sha256 for one in plan.models}:
        path = found[unknown.pop()].path
        raise InputError(
            f"{path} is no model of this plan",
            "none of its models has the hash of this file",
            "Give the files that the plan was made of, or leave it out.",
        )
    for one in plan.models:
        path = folder / one.path
        if one.sha256 not in found and one.path and path.is_file():
            found[one.sha256] = read_model(path)
    return found


def _demand_model(
    plan: Plan, engine: PlannedEngine, models: Mapping[str, ExportedModel]
) -> ExportedModel:
    planned = next(one for one in plan.models if one.sha256 == engine.model_sha256)
    model = models.get(planned.sha256)
    if model is not None and model.sha256 == planned.sha256:
        return model
    where = planned.path or "the plan does not say where"
    why = f"{where} is not there" if model is None else f"{where} is another file by now"
    raise InputError(
        f"The model of the engine {engine.name} can't be packed",
        why,
        f"Say where it is with {spelled('models')}: its SHA-256 is {planned.sha256}. A package "
        "holds models, which other machines can run, and not the engines that were built here.",
    )
