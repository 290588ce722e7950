"""What sizewise adds to a call: ONNX Runtime through a session, beside ONNX Runtime itself.

``make bench`` prints the two as one group: read the ratio, never the times.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.audit.null import CALLS, Overhead, time_nothing
from engines.backends._bare.calls import bare_call
from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from netzoo.tasks.boxes.suppression import suppress
from sizewise.core import codec
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineSpec, Profile, Size
from tests.engines.nets import write_net

SIZE = Size(64, 64)
SPEC = EngineSpec(backend="onnxruntime", strategy="static", profiles=(Profile.fixed(SIZE),))


@pytest.mark.benchmark(group="one call of ONNX Runtime")
@pytest.mark.parametrize("through", ["session", "bare"])
def test_a_call(benchmark: BenchmarkFixture, through: str, tmp_path: Path) -> None:
    model = write_net(tmp_path / "net.onnx")
    artifact = obtain_engine(model, SPEC, tmp_path / "engines")
    images = np.zeros(artifact.image.shape(1, SIZE), np.float32)
    if through == "session":
        with open_engine(artifact) as session:
            session.bind({artifact.image.tensor.name: images})
            benchmark(session.enqueue)
        return
    benchmark(bare_call("onnxruntime", model.path, images, SPEC.threads, static=True))


@pytest.mark.benchmark(group="100,000 calls of an engine that does nothing")
def test_calls_of_nothing(benchmark: BenchmarkFixture) -> None:
    given = benchmark.pedantic(time_nothing, args=(CALLS,), rounds=3, iterations=1)  # type: ignore[no-untyped-call]
    overhead = codec.from_plain(given, Overhead)
    benchmark.extra_info |= codec.to_plain(overhead)
    assert not overhead.at_fault


@pytest.mark.benchmark(group="suppression of 12,000 boxes of 10 classes")
@pytest.mark.parametrize("score_threshold", [0.001, 0.25])
def test_suppression(benchmark: BenchmarkFixture, score_threshold: float) -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 400, (12_000, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + random.uniform(8, 96, (12_000, 2))], 1)
    scores = (random.random((12_000, 10)) ** 8).astype(np.float32)
    benchmark(
        suppress,
        boxes.astype(np.float32),
        scores,
        score_threshold=score_threshold,
        iou_threshold=0.6,
        max_detections=300,
    )


def test_a_card_is_read(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    path = write_net(tmp_path / "net.onnx").path
    benchmark(read_model, path)
