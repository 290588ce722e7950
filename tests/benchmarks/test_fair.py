"""Our sessions beside the libraries by themselves, in a few cells.

Only ratios of the two sides are looked at, which were measured by turns: a slow or noisy machine
makes their intervals wide, and a wide one proves nothing. CPU time over wall time is held beside
the library's, too: threads that are kept from spinning lose it first. ``docs.make.method.fair``
measures all cells.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.audit.beside import ParityRun
from bench.audit.cells import engine_of, write_program_beside
from bench.audit.models import LARGE, SMALL, write_pyramid
from bench.audit.parity import Cell
from bench.audit.turns import Shape
from bench.waves.launch import Limits
from engines.registry import find_backend
from sizewise.core.specs import Size

WAVES = 6


@pytest.mark.benchmark(group="a wave of our session beside its library (read the ratio)")
@pytest.mark.parametrize(
    ("backend", "size", "threads"),
    [
        ("onnxruntime", SMALL, 1),
        ("onnxruntime", LARGE, 2),
        ("openvino", SMALL, 1),
        ("openvino", LARGE, 2),
        ("torch_eager", LARGE, 2),
        ("torch_compile", LARGE, 2),
    ],
)
def test_a_session_takes_as_long_as_its_library_by_itself(
    benchmark: BenchmarkFixture, backend: str, size: Size, threads: int, tmp_path: Path
) -> None:
    if not find_backend(backend).can_build().ok:
        pytest.skip(f"{backend} can't be used here")
    model = write_pyramid(tmp_path / "pyramid.onnx")
    if backend.startswith("torch"):
        write_program_beside(model)
    engine = engine_of(model, backend, size, threads, tmp_path / "engines")
    run = ParityRun(Cell.of(model, engine, size), Limits(timeout_s=600), Shape())
    benchmark.pedantic(run.measure_wave, rounds=WAVES, iterations=1)  # type: ignore[no-untyped-call]
    ratio = run.parity.ratio
    cpu = run.parity.cpu_ratio
    assert cpu is not None
    benchmark.extra_info |= {"ratio": ratio.point, "low": ratio.low, "high": ratio.high}
    benchmark.extra_info |= {"cpu": cpu.point, "cpu_low": cpu.low, "cpu_high": cpu.high}
    assert not run.parity.outside
    assert not run.parity.cpu_outside
