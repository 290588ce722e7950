"""What an engine pool adds to a picture: read the difference, never the times."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.sizewise.pipeline.prediction.beside_session import beside_session

_TURNS = 2000


@pytest.mark.benchmark(group="2,000 pictures by an engine pool, and as many by its session")
def test_what_a_pool_adds(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    bare_s, pooled_s = benchmark.pedantic(  # type: ignore[no-untyped-call]
        beside_session, args=(tmp_path, _TURNS), rounds=1, iterations=1
    )
    benchmark.extra_info |= {
        "session_us": bare_s * 1e6,
        "pool_us": pooled_s * 1e6,
        "added_us": (pooled_s - bare_s) * 1e6,
        "ratio": pooled_s / bare_s,
    }
