"""Back ends on an NVIDIA GPU (``make test-gpu``), against the FP32 file in ONNX's own evaluator."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.sweep import sweep
from engines.attestation import attest
from engines.base import example_input
from engines.registry import find_backend
from engines.store.opening import open_engine
from sizewise.core.options.declared import fill
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Size
from sizewise.core.trials import Result
from tests.engines.nets import Array, reference
from tests.engines.on_gpu import (
    BACKENDS,
    SIZES,
    TENSORRTS,
    case,
    cases,
    engine_cases,
    expect_near,
    needed_options,
    sizes_of,
    spec_for,
    write_heavy_net,
    write_nets,
)

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
MIB = 2**20
WITH_PARTS = (*TENSORRTS, "torch_cuda")
TOLD = [(name, precision) for name in TENSORRTS for precision in ("fp16", "int8", "fp8")]
"""Precisions of which the library tells each layer's."""
every_backend = pytest.mark.parametrize("name", cases(BACKENDS))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportedModel]:
    return write_nets(tmp_path_factory.mktemp("files"))


def images_of(size: Size, batch: int = 1, seed: int = 0) -> Array:
    shape = (batch, 3, size.height, size.width)
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@pytest.mark.parametrize(("name", "strategy", "precision"), engine_cases(BACKENDS))
def test_outputs_are_those_of_the_fp32_parent_at_every_size(
    build: Build, files: dict[str, ExportedModel], name: str, strategy: str, precision: str
) -> None:
    artifact = build(files[precision], spec_for(find_backend(name), strategy))
    with open_engine(artifact) as session:
        for seed, size in enumerate(sizes_of(artifact.spec)):
            given = images_of(size, seed=seed)
            found = session.infer({"images": given})
            expect_near(found, reference(files["fp32"], given), precision)


SEVERAL = [name for name in BACKENDS if len(find_backend(name).strategies) > 1]


@pytest.mark.parametrize("name", cases(SEVERAL))
def test_strategies_give_the_same(build: Build, files: dict[str, ExportedModel], name: str) -> None:
    backend, size = find_backend(name), SIZES[0]
    given, outputs = {"images": images_of(size)}, []
    for strategy in backend.strategies:
        with open_engine(build(files["fp32"], spec_for(backend, strategy))) as session:
            outputs.append(session.infer(given))
    for one, other in combinations(outputs, 2):
        expect_near(one, other, "fp32")


@pytest.mark.parametrize("name", cases(WITH_PARTS))
def test_the_parts_of_a_call_make_a_call(
    build: Build, files: dict[str, ExportedModel], name: str
) -> None:
    given = images_of(SIZES[0])
    with open_engine(build(files["fp32"], spec_for(find_backend(name), "dynamic"))) as session:
        session.infer({"images": images_of(SIZES[0], seed=1)})
        session.bind({"images": given})
        parts = session.parts()
        assert list(parts) == ["host-to-device", "compute", "device-to-host"]
        for part in parts.values():
            part()
            session.synchronize()
        expect_near(session.outputs(), reference(files["fp32"], given), "fp32")


@every_backend
def test_an_engine_is_open_twice(build: Build, files: dict[str, ExportedModel], name: str) -> None:
    artifact = build(files["fp32"], spec_for(find_backend(name), "dynamic"))
    given = {"images": images_of(SIZES[1])}
    expected = reference(files["fp32"], given["images"])
    with open_engine(artifact) as lasting:
        with open_engine(artifact) as passing:
            lasting.bind(given)
            passing.infer({"images": images_of(SIZES[2])})
            lasting.enqueue()
            passing.enqueue()
        lasting.synchronize()
        expect_near(lasting.outputs(), expected, "fp32")
        expect_near(lasting.infer(given), expected, "fp32")


@every_backend
def test_opening_and_closing_again_and_again_keeps_no_memory(
    build: Build, files: dict[str, ExportedModel], name: str
) -> None:
    """Of the whole device: nothing else may use it meanwhile."""
    artifact = build(files["fp32"], spec_for(find_backend(name), "dynamic"))
    used: list[int] = []
    for _ in range(20):
        with open_engine(artifact) as session:
            for size in SIZES:
                session.infer({"images": images_of(size)})
        used.append(_device_used_bytes())
    # What the library loads at its first calls stays.
    assert used[-1] - used[4] < 8 * MIB


def _device_used_bytes() -> int:
    import pynvml

    pynvml.nvmlInit()
    try:
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return sum(pynvml.nvmlDeviceGetMemoryInfo(handle).used for handle in handles)
    finally:
        pynvml.nvmlShutdown()


@pytest.mark.parametrize(("name", "precision"), [case(*told) for told in TOLD])
def test_layers_run_in_what_the_file_asks(
    build: Build, files: dict[str, ExportedModel], name: str, precision: str
) -> None:
    for strategy in find_backend(name).strategies:
        artifact = build(files[precision], spec_for(find_backend(name), strategy))
        assert artifact.achieved.layers or artifact.achieved.vouched
        attest(files[precision], artifact)


@every_backend
def test_every_convolution_of_fp32_runs_in_fp32(
    build: Build, files: dict[str, ExportedModel], name: str
) -> None:
    artifact = build(files["fp32"], spec_for(find_backend(name), "dynamic"))
    attest(files["fp32"], artifact)
    assert {layer.precision for layer in artifact.achieved.layers} <= {"fp32"}


@every_backend
def test_a_batch_of_eight_is_a_batch_of_eight(
    build: Build, files: dict[str, ExportedModel], name: str
) -> None:
    artifact = build(files["fp32"], spec_for(find_backend(name), "dynamic", batch_size=8))
    given = example_input(artifact, (8, 3, *_sides(SIZES[0])))
    with open_engine(artifact) as session:
        found = session.infer({"images": given})
    expect_near(found, reference(files["fp32"], given), "fp32")


def _sides(size: Size) -> tuple[int, int]:
    return size.height, size.width


@every_backend
def test_a_sweep_records_first_calls_parts_and_memory(
    tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    model = write_heavy_net(tmp_path / "heavy.onnx")
    if name == "torch_cuda":
        _write_heavy_program(model)
    (small, _) = results = _swept(model, name, tmp_path / "out")
    assert [(one.status, one.reason) for one in results] == [("ok", "")] * 2
    for one in results:
        assert [first.change_reason for first in one.first_calls] == [""]
        (first,) = one.first_calls
        assert first.change is not None
        assert first.change.size in {Size(64, 64), Size(128, 128)} - {one.trial.cell.size}
        assert min(first.change.first_ns, *first.change.later_ns, first.change.back_ns) > 0
        assert {part.name for part in one.parts} == (
            {"host-to-device", "compute", "device-to-host"} if name in WITH_PARTS else set()
        )
        _expect_weights(one, record_property)
    assert small.build is not None
    assert (small.build.device_predicted_bytes is not None) == (name in TENSORRTS)


def _swept(model: ExportedModel, name: str, out: Path) -> list[Result]:
    asked = {"backends": [name], "strategies": ["dynamic"], "sizes": "64,128", "threads": 1}
    protocol = {"processes": 1, "rounds": 2, "block_s": 0}
    needed = [f"{option}={','.join(value)}" for option, value in needed_options(name).items()]
    settings = fill(SweepSettings, asked | protocol | {"options": needed})
    outcome = sweep((model,), settings, out)
    with Store.open(outcome.results, read_only=True) as store:
        return [result for run in store.runs() for result in run.results]


def _expect_weights(result: Result, record_property: Callable[[str, object], None]) -> None:
    """On the device, where NVML tells it of this process (in a container it may not); beside what
    the engine predicted, in the test's report."""
    build, (memory,) = result.build, result.memory
    assert build is not None
    record_property("predicted_bytes", build.device_predicted_bytes)
    record_property("measured_bytes", memory.device_bytes)
    if build.device_predicted_bytes is not None:
        assert build.device_predicted_bytes >= 32 * MIB
    if memory.device_bytes is not None:
        assert memory.device_bytes - (memory.device_before_bytes or 0) >= 32 * MIB


def _write_heavy_program(model: ExportedModel) -> None:
    import torch
    from onnx import load, numpy_helper

    weights = {i.name: numpy_helper.to_array(i) for i in load(model.path).graph.initializer}

    class Heavy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, array in weights.items():
                self.register_buffer(name, torch.from_numpy(array.copy()))

        def forward(self, images: Any) -> Any:
            first = torch.conv2d(images, self.w0, stride=16)  # type: ignore[arg-type]
            return torch.conv2d(torch.conv2d(first, self.w1), self.w2)  # type: ignore[arg-type]

    free = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    example = (torch.zeros(2, 3, 64, 96),)
    program = torch.export.export(Heavy(), example, dynamic_shapes=(free,))
    torch.export.save(program, model.program_path)
