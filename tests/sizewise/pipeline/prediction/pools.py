"""Engines of a network that finds the white rectangle, and plans of them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.store.cache import obtain_engine
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineArtifact, Size, Sizes, Strategy
from sizewise.core.specs.plan import InputRule, Place, Plan, PlannedEngine, Route
from tests.sizewise.cli.finders import write_finder
from tests.sizewise.core.planned import planned

SIDES = (64, 96)


def built(
    folder: Path, sizes: str, *, strategy: Strategy = "static", backend: str = "onnxruntime"
) -> tuple[EngineArtifact, ...]:
    """Engines of the finder below ``folder``: one for each size, or one dynamic."""
    path = folder / "finder.onnx"
    model = read_model(path if path.exists() else write_finder(path))
    axes = EngineAxes(
        backends=(backend,), strategies=(strategy,), sizes=Sizes.parse(sizes), allow_fallback=True
    )
    return tuple(obtain_engine(model, spec, folder / "engines") for spec in engine_specs((axes,)))


def plan_of(
    artifacts: Sequence[EngineArtifact],
    pictures: Sequence[Size],
    *,
    memory_mib: Sequence[float] | None = None,
    max_memory_mib: float | None = None,
) -> Plan:
    """A plan in which the pictures are run by one engine each, in turn, at its largest size."""
    example = planned()
    engines = tuple(
        PlannedEngine(
            name=f"e{number}",
            model_sha256=one.model_sha256,
            spec=one.spec,
            sizes=tuple(one.spec.sizes),
            memory_mib=memory_mib[number] if memory_mib else 1.0,
            artifact=str(one.path),
            sha256=one.sha256,
        )
        for number, one in enumerate(artifacts)
    )
    routes = tuple(
        Route(
            picture=size,
            place=Place(engine=engine.name, input=engine.sizes[-1]),
            share=1 / len(pictures),
            ms=1.0,
        )
        for number, size in enumerate(pictures)
        for engine in [engines[number % len(engines)]]
    )
    limits = replace(example.decision.limits, max_memory_mib=max_memory_mib)
    return replace(
        example,
        rule=InputRule(side_px=max(SIDES), stride=32),
        models=(replace(example.models[0], sha256=artifacts[0].model_sha256, network="finder"),),
        engines=engines,
        routes=routes,
        process_mib=50.0,
        decision=replace(example.decision, limits=limits),
    )


def rectangle(height: int, width: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """A black picture with a white rectangle somewhere in it."""
    random = np.random.default_rng(seed)
    top, left = (int(random.integers(0, side // 2)) for side in (height, width))
    picture = np.zeros((height, width, 3), np.uint8)
    picture[top : top + height // 3, left : left + width // 3] = 255
    return picture
