"""The engines of a pool: those of a plan, or those that are listed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sizewise.core.errors import EngineMismatchError, InputError, UsageError
from sizewise.core.further.resolving import said_again
from sizewise.core.options.declared import spelled
from sizewise.core.specs import EngineArtifact
from sizewise.core.specs.plan import Plan, PlannedEngine
from sizewise.pipeline.prediction.pool.options import PoolOptions
from sizewise.pipeline.prediction.pool.places import (
    Member,
    Places,
    places_of,
    places_without_plan,
)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What a pool starts from. ``trusted`` are the hashes of manifests that the user trusts, by the
    names of engines. ``process_mib`` and ``budget_mib`` are None where nobody said them."""

    name: str
    members: tuple[Member, ...]
    trusted: Mapping[str, Collection[str]]
    places: Places
    process_mib: float | None = None
    budget_mib: float | None = None


def open_plan(plan: Plan, folder: Path, options: PoolOptions) -> Opening:
    """The engines of ``plan``; what it names by relative paths lies in ``folder``.

    Raises InputError where an engine was not built, EngineMismatchError where it is another than
    was planned, and what reading its manifest raises.
    """
    trusted, members = {}, []
    for engine in plan.engines:
        path = _demand_built(engine, folder)
        artifact, trusted[engine.name] = _read(path, options)
        _demand_planned(engine, artifact)
        members.append(
            Member(
                name=engine.name,
                artifact=artifact,
                sizes=engine.sizes,
                memory_mib=engine.memory_mib,
            )
        )
    limit = plan.decision.limits.max_memory_mib
    return Opening(
        name=plan.models[0].network,
        members=tuple(members),
        trusted=trusted,
        places=places_of(plan, members),
        process_mib=plan.process_mib,
        budget_mib=options.max_memory_mib or limit,
    )


def open_list(folders: Sequence[Path], options: PoolOptions) -> Opening:
    """Engines that no plan was made for: they are there for the sizes that their profiles name.

    Raises UsageError where there is none or they do not belong together, and what reading their
    manifests raises.
    """
    trusted, members = {}, []
    for number, folder in enumerate(folders, start=1):
        artifact, hashes = _read(folder, options)
        name = folder.name if folder.name not in trusted else f"{folder.name}-{number}"
        trusted[name] = hashes
        members.append(Member(name=name, artifact=artifact, sizes=tuple(artifact.spec.sizes)))
    _demand_alike(members)
    return Opening(
        name=members[0].artifact.card.network,
        members=tuple(members),
        trusted=trusted,
        places=places_without_plan(members),
        budget_mib=options.max_memory_mib,
    )


def _read(folder: Path, options: PoolOptions) -> tuple[EngineArtifact, Collection[str]]:
    """The engine in ``folder``, and which of the trusted hashes is its own."""
    from engines.store.manifest import read_written
    from engines.store.trust import read_trusted

    mine = {read_written(folder).sha256} & set(options.trust_engines)
    artifact = read_trusted(folder, mine)
    return replace(artifact, further=said_again(artifact.further, options.input)), mine


def _demand_built(engine: PlannedEngine, folder: Path) -> Path:
    path = folder / engine.artifact
    if engine.artifact and path.is_dir():
        return path
    spec = engine.spec
    sizes = ",".join(map(str, engine.sizes))
    why = f"{path} is not there" if engine.artifact else "the plan was made without building it"
    raise InputError(
        f"The engine {engine.name} of the plan can't be opened",
        why,
        f"Make the plan again with sizewise plan, or build the engine with --backend "
        f"{spec.backend} --strategy {spec.strategy} --sizes {sizes}.",
    )


def _demand_planned(engine: PlannedEngine, artifact: EngineArtifact) -> None:
    said = (engine.model_sha256, engine.sha256 or artifact.sha256)
    if (artifact.model_sha256, artifact.sha256) != said:
        raise EngineMismatchError(
            f"The engine {engine.name} of the plan can't be opened",
            f"{artifact.path} holds another engine than the one that was planned",
            "Make the plan again with sizewise plan.",
            reason_code="environment",
        )


def _demand_alike(members: Sequence[Member]) -> None:
    """Raises UsageError for engines that don't find the same things."""
    if not members:
        raise UsageError(
            "There is no engine", "the list is empty", "Give folders of engines, or a plan."
        )
    first = members[0].artifact.card
    for member in members[1:]:
        card = member.artifact.card
        if (card.task, card.classes) != (first.task, first.classes):
            raise UsageError(
                "These engines can't be used as one",
                f"{members[0].name} and {member.name} differ in their task or their classes",
                "Give engines of one model, or of models with the same classes.",
            )


def demand_budget(opening: Opening, process_mib: float, needed: Mapping[str, float]) -> None:
    """Refuse a budget that an engine does not fit into by itself. Raises UsageError."""
    budget = opening.budget_mib
    for name, mebibytes in needed.items():
        if budget is not None and process_mib + mebibytes > budget:
            raise UsageError(
                f"The engine {name} can't be loaded within {budget:.0f} MiB",
                f"it takes {mebibytes:.0f} MiB, and the process without engines {process_mib:.0f}",
                f"Give a larger {spelled('max_memory_mib')}, or a plan for less memory.",
            )
