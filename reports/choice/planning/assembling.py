"""A decision as a plan: values that a server reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.choice.planning.baselines import baselines, by_engines, more
from reports.choice.planning.candidates import Use
from reports.choice.planning.decided import Decided
from reports.choice.planning.optimum.problem import Serving
from sizewise.core.specs import Size
from sizewise.core.specs.plan import (
    Decision,
    Limits,
    Place,
    Plan,
    PlannedEngine,
    PlannedModel,
    Route,
)
from sizewise.core.specs.traffic import Traffic


@dataclass(frozen=True, kw_only=True)
class Built:
    """The folder of an engine, as the plan names it, and the hash of its files."""

    artifact: str = ""
    sha256: str = ""


def uses_by_engine(decided: Decided) -> dict[str, Use]:
    """A use of each engine that is loaded, by the engine's name."""
    return {use.candidate.loads: use for use in decided.served}


def inputs_by_engine(decided: Decided) -> dict[str, tuple[Size, ...]]:
    """The inputs that each engine runs, the smallest first."""
    found: dict[str, set[Size]] = {}
    for number, use in enumerate(decided.served):
        found.setdefault(use.candidate.loads, set()).add(_input(use.candidate.serves[number]))
    return {
        name: tuple(sorted(sizes, key=lambda s: (s.pixels, s))) for name, sizes in found.items()
    }


def assembled(
    decided: Decided,
    traffic: Traffic,
    models: Mapping[str, PlannedModel],
    built: Mapping[str, Built],
    environment: str,
    *,
    is_draft: bool = False,
) -> Plan:
    """The plan, with what else was possible unless it ``is_draft``. ``models`` are by their hashes,
    ``built`` by the names of engines."""
    setting = decided.setting
    metric = setting.curves.metric
    inputs = inputs_by_engine(decided)
    engines = tuple(
        _engine(use, inputs[name], built.get(name, Built()))
        for name, use in sorted(uses_by_engine(decided).items())
    )
    used = {engine.model_sha256 for engine in engines}
    return Plan(
        traffic=traffic.name,
        pictures=len(traffic.stream),
        rule=setting.demand.rule,
        models=tuple(model for sha256, model in models.items() if sha256 in used),
        engines=engines,
        routes=tuple(_routes(decided)),
        process_mib=decided.process_mib,
        predicted=decided.prediction,
        decision=Decision(
            objective=setting.limits.objective,
            limits=_limits(decided),
            bound=decided.bound,
            gap=decided.gap,
            metric=metric.title if metric else "",
            baselines=() if is_draft else baselines(decided),
            more=() if is_draft else more(decided),
            by_engines=() if is_draft else by_engines(decided),
        ),
        environment=environment,
    )


def _engine(use: Use, sizes: tuple[Size, ...], built: Built) -> PlannedEngine:
    trial = use.group.any.result.trial
    return PlannedEngine(
        name=use.candidate.loads,
        model_sha256=trial.model_sha256,
        spec=use.spec,
        sizes=sizes,
        memory_mib=use.candidate.memory_mib,
        switch_ms=use.candidate.switch_ms,
        options=trial.cell.options,
        artifact=built.artifact,
        sha256=built.sha256,
    )


def _routes(decided: Decided) -> Iterator[Route]:
    demand = decided.setting.demand
    total = sum(demand.counts.values())
    for picture, count in demand.counts.items():
        number = demand.pictures[picture]
        use = decided.served[number]
        serving = use.candidate.serves[number]
        yield Route(
            picture=picture,
            place=Place(engine=use.candidate.loads, input=_input(serving)),
            share=count / total,
            ms=serving.ms,
            accuracy=None if math.isnan(serving.accuracy) else serving.accuracy,
        )


def _input(serving: Serving) -> Size:
    assert serving.input is not None  # noqa: S101 - candidates of engines say it
    return serving.input


def _limits(decided: Decided) -> Limits:
    limits, floor = decided.setting.limits, decided.setting.floor
    return Limits(
        max_memory_mib=limits.max_memory_mib,
        max_engines=limits.max_engines,
        min_accuracy=floor,
        max_ms=limits.max_latency_ms,
        percentile=1 - limits.max_late,
    )
