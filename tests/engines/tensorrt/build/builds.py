"""Building with the real library, and asking only what a machine without a GPU can answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines.base import BuildNotes
from engines.tensorrt.build.write_plan import Watch, write_plan
from engines.tensorrt.options import RtxOptions
from sizewise.core.progress import unheard
from sizewise.core.specs import BatchRange, EngineSpec, ExportedModel, Profile, Size

trt: Any = pytest.importorskip("tensorrt_rtx")
STRATEGIES = {
    "static": (Profile.fixed(Size(64, 96)),),
    "dynamic": (Profile.spanning([Size(64, 64), Size(96, 128)]),),
    "profiles": tuple(Profile.fixed(Size(side, side)) for side in (64, 96, 128)),
}


def never() -> bool:
    return False


def spec_of(
    strategy: Any,
    *,
    batch_size: int = 1,
    batch_range: BatchRange | None = None,
    graph_fusion: str = "extended",
    **options: Any,
) -> EngineSpec:
    return EngineSpec(
        backend="tensorrt_rtx",
        strategy=strategy,
        profiles=STRATEGIES[strategy],
        batch_size=batch_size,
        batch_range=batch_range,
        graph_fusion=graph_fusion,
        options=RtxOptions(**options),
    )


def built(
    model: ExportedModel,
    spec: EngineSpec,
    path: Path,
    *,
    report: Callable[[float, str], None] = unheard,
    cancelled: Callable[[], bool] = never,
) -> BuildNotes:
    return write_plan(trt, model, spec, path, watch=Watch(report=report, cancelled=cancelled))
