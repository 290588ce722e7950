"""What an engine pool adds to a picture: its choice, locks and counts.

Letterbox, the engine's call and the reading of its outputs stand in both. They are called in turns,
so that the difference is one within a run: read that, never the times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from sizewise.core.specs import EngineSpec, Profile, Size
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from sizewise.pipeline.prediction.predictor import infer_pictures
from tests.bench.models import colours

SIZE = Size(64, 64)
SPEC = EngineSpec(backend="onnxruntime", strategy="static", profiles=(Profile.fixed(SIZE),))
_TURNS = 2000


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@pytest.mark.benchmark(group="2,000 pictures by an engine pool, and as many by its session")
def test_what_a_pool_adds(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    artifact = obtain_engine(colours(tmp_path / "net.onnx"), SPEC, tmp_path / "engines")
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    with EnginePool([artifact]) as pool, open_engine(artifact) as session:
        predictor = pool.predictor

        def bare() -> None:
            ((fit, outputs),) = infer_pictures(predictor, session, [picture])
            predictor.read(fit, outputs)

        def pooled() -> None:
            pool.predict(picture)

        def in_turns() -> tuple[float, float]:
            taken: dict[Callable[[], None], list[float]] = {bare: [], pooled: []}
            for turn in range(_TURNS):
                for call in (bare, pooled) if turn % 2 else (pooled, bare):
                    taken[call].append(_seconds(call))
            return median(taken[bare]), median(taken[pooled])

        bare_s, pooled_s = benchmark.pedantic(in_turns, rounds=1, iterations=1, warmup_rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info |= {
        "session_us": bare_s * 1e6,
        "pool_us": pooled_s * 1e6,
        "added_us": (pooled_s - bare_s) * 1e6,
        "ratio": pooled_s / bare_s,
    }
