"""What an engine pool adds to a call of a session: its choice, locks and counts.

``make bench`` prints both as one group: read the ratio, never the times. Letterbox, decode of the
outputs and the rest that any server must do stand in both.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from netzoo.tasks.registry import tasks  # noqa: F401 - imported before anything is timed
from sizewise.core.specs import EngineArtifact, EngineSpec, Profile, Size
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from sizewise.pipeline.prediction.predictor import infer_pictures
from tests.bench.models import colours

SIZE = Size(64, 64)
SPEC = EngineSpec(backend="onnxruntime", strategy="static", profiles=(Profile.fixed(SIZE),))


@pytest.fixture
def artifact(tmp_path: Path) -> EngineArtifact:
    return obtain_engine(colours(tmp_path / "net.onnx"), SPEC, tmp_path / "engines")


def _picture() -> Any:
    return np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


@pytest.mark.benchmark(group="a picture: the pool's call, and the session's")
@pytest.mark.parametrize("through", ["pool", "session"])
def test_a_picture(benchmark: BenchmarkFixture, through: str, artifact: EngineArtifact) -> None:
    picture = _picture()
    with EnginePool([artifact]) as pool, open_engine(artifact) as session:
        predictor = pool.predictor

        def bare() -> object:
            ((fit, outputs),) = infer_pictures(predictor, session, [picture])
            return predictor.read(fit, outputs)

        calls: dict[str, Callable[[], object]] = {
            "pool": lambda: pool.predict(picture),
            "session": bare,
        }
        benchmark.pedantic(calls[through], rounds=30, iterations=50, warmup_rounds=2)  # type: ignore[no-untyped-call]
