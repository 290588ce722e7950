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

from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from sizewise.core.specs import EngineSpec, Profile, Size
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from sizewise.pipeline.prediction.predictor import infer_pictures
from tests.bench.models import colours

SIZE = Size(64, 64)
SPEC = EngineSpec(backend="onnxruntime", strategy="static", profiles=(Profile.fixed(SIZE),))


def beside_session(folder: Path, turns: int) -> tuple[float, float]:
    """The median seconds of a picture by the engine's session, and by an engine pool."""
    artifact = obtain_engine(colours(folder / "net.onnx"), SPEC, folder / "engines")
    picture = np.random.default_rng(0).integers(0, 255, (SIZE.height, SIZE.width, 3), np.uint8)
    taken: tuple[list[float], list[float]] = [], []
    with EnginePool([artifact]) as pool, open_engine(artifact) as session:
        predictor = pool.predictor

        def bare() -> None:
            ((fit, outputs),) = infer_pictures(predictor, session, [picture])
            predictor.read(fit, outputs)

        def pooled() -> None:
            pool.predict(picture)

        for turn in range(turns):
            for which in (0, 1) if turn % 2 else (1, 0):
                taken[which].append(_seconds((bare, pooled)[which]))
    return median(taken[0]), median(taken[1])


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
