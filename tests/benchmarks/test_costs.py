"""What a warm build takes beside the import of its back end, and a sweep that has nothing to do.

Only differences and ratios within one run are looked at: both sides are whole processes, by turns.
``docs.make.method.costs`` records them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.audit.models import write_pyramid
from docs.make.method.costs import IMPORTS, Again, WarmBuild
from docs.make.reliability import AGAIN, WARM_S
from engines.registry import find_backend

TURNS = 7


@pytest.mark.benchmark(group="a warm build and the import of its back end (read more_s)")
@pytest.mark.parametrize("backend", sorted(IMPORTS))
def test_a_warm_build_takes_little_more_than_the_import(
    benchmark: BenchmarkFixture, backend: str, tmp_path: Path
) -> None:
    if not find_backend(backend).can_build().ok:
        pytest.skip(f"{backend} can't be used here")
    one = WarmBuild(backend, write_pyramid(tmp_path / "pyramid.onnx").path, tmp_path / "engines")
    one.build()
    benchmark.pedantic(one.take_turn, rounds=TURNS, iterations=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info |= {"more_s": one.more_s, "import_s": one.import_s}
    assert one.more_s <= WARM_S


@pytest.mark.benchmark(group="a sweep that has nothing to do (read share)")
@pytest.mark.parametrize("backend", ["fake", "onnxruntime"])
def test_an_unchanged_sweep_takes_a_small_share_of_its_time(
    benchmark: BenchmarkFixture, backend: str, tmp_path: Path
) -> None:
    one = Again(backend, write_pyramid(tmp_path / "pyramid.onnx").path, tmp_path / "out")
    one.begin()
    benchmark.pedantic(one.take_turn, rounds=TURNS, iterations=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info |= {"share": one.share, "first_s": one.first_s}
    assert one.share <= AGAIN
