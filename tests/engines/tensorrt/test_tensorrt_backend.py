"""The two back ends whole: as far as a machine without a GPU goes, and further with a pretended
one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import engines.backends.tensorrt as module
from engines.attestation import attest, precision_mismatch
from engines.base import Availability
from engines.registry import find_backend
from engines.store.building import build_engine
from engines.store.cache import obtain_engine
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from engines.tensorrt.options import RtxOptions
from engines.tensorrt.run.cuda import CudaRuntime
from sizewise.core import codec
from sizewise.core.errors import BackendUnavailableError, EngineMismatchError
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.core.specs import ExportedModel
from tests.engines.tensorrt.build.builds import STRATEGIES, spec_of
from tests.engines.tensorrt.fake_cuda import FakeCuda
from tests.engines.tensorrt.fake_trt import IMAGE, FakeEngine, Plan, fake_trt
from tests.engines.tensorrt.run import sessions
from tests.engines.typed_nets import write_quantized_net, write_typed_net

RTX = find_backend("tensorrt_rtx")
without_gpu = pytest.mark.skipif(RTX.can_run().ok, reason="there is a GPU: see the tests for it")


@without_gpu
def test_an_engine_is_built_kept_and_described_without_a_gpu(
    net: ExportedModel, tmp_path: Path
) -> None:
    notes: list[str] = []
    first = obtain_engine(
        net, spec_of("profiles"), tmp_path, on_progress=lambda _, note: notes.append(note)
    )
    assert first.achieved.summary == "built, not run"
    assert first.memory is not None
    assert len(first.memory.context_bytes) == len(STRATEGIES["profiles"])
    assert first.machine == "RTX GPUs since Ampere"
    assert first.size_bytes == (first.path / "engine.plan").stat().st_size
    assert any(notes)
    again = obtain_engine(net, spec_of("profiles"), tmp_path)
    assert again == first


@without_gpu
def test_it_is_not_run_here_and_the_reason_is_the_drivers(
    net: ExportedModel, tmp_path: Path
) -> None:
    artifact = obtain_engine(net, spec_of("static"), tmp_path)
    with pytest.raises(BackendUnavailableError) as failure:
        open_engine(artifact)
    assert failure.value.why == RTX.can_run().reason
    assert failure.value.reason_code == "unsupported_backend"


@without_gpu
def test_a_graph_in_fp16_is_no_departure_though_its_layers_are_not_shown(tmp_path: Path) -> None:
    model = write_typed_net(tmp_path / "half.onnx", "fp16")
    artifact = obtain_engine(model, spec_of("dynamic"), tmp_path / "engines")
    assert precision_mismatch(model, artifact) == ""
    unvouched = replace(artifact, achieved=replace(artifact.achieved, vouched=False))
    assert "not known" in precision_mismatch(model, unvouched)


@without_gpu
@pytest.mark.parametrize(("capabilities", "remarks"), [((), 1), (("8.9",), 0)])
def test_fp8_for_every_gpu_is_remarked_on_since_not_every_one_has_it(
    tmp_path: Path, capabilities: tuple[str, ...], remarks: int
) -> None:
    model = write_quantized_net(tmp_path / "fp8.onnx", "fp8")
    spec = spec_of("static", capabilities=capabilities)
    found = RTX.build(model, spec, tmp_path).remarks
    assert sum("8.9" in remark for remark in found) == remarks


def on_a(capability: str, patch: pytest.MonkeyPatch) -> None:
    """A GPU that TensorRT for RTX runs on; nothing is opened on it."""
    one = Device(name="RTX", capability=capability, memory_bytes=1)
    patch.setattr(module, "find_devices", lambda: Devices(found=(one,)))
    patch.setattr(module.TensorRt, "can_run", lambda _: Availability(True))


@pytest.mark.parametrize(
    ("capability", "capabilities", "refused"),
    [
        ("7.5", (), True),
        ("7.5", ("7.5",), False),
        ("7.5", ("8.9",), False),
        ("8.0", (), False),
        ("12.0", (), False),
    ],
)
def test_a_plan_since_ampere_is_not_built_on_a_turing_gpu_unasked(
    net: ExportedModel,
    monkeypatch: pytest.MonkeyPatch,
    capability: str,
    capabilities: tuple[str, ...],
    refused: bool,
) -> None:
    on_a(capability, monkeypatch)
    spec = spec_of("static", capabilities=capabilities)
    if not refused:
        RTX.check(net, spec)
        return
    with pytest.raises(EngineMismatchError, match=r"options capabilities=7\.5\.") as caught:
        RTX.check(net, spec)
    assert caught.value.reason_code == "unsupported_options"
    assert "since Ampere, and RTX has compute capability 7.5" in caught.value.why


@without_gpu
@pytest.mark.parametrize(("here", "built"), [("8.9", "12.0"), ("7.5", "8.6")])
def test_a_plan_for_other_gpus_is_built_and_said_not_to_run_here(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, built: str
) -> None:
    """To open it would end this interpreter: there is no driver."""
    on_a(here, monkeypatch)
    spec = spec_of("static", capabilities=(built,))
    build_engine(codec.to_plain(net), codec.to_plain(spec), str(tmp_path))
    artifact = read_manifest(tmp_path)
    assert artifact.achieved.reason == (
        f"built, not run: it is for RTX GPUs of compute capability {built}, and RTX has compute "
        f"capability {here}"
    )
    assert artifact.achieved.vouched
    assert artifact.memory is not None
    attest(net, artifact)


def test_neither_stands_in_for_the_other() -> None:
    names = {name: find_backend(name) for name in ("tensorrt", "tensorrt_rtx")}
    assert {backend.name for backend in names.values()} == set(names)
    assert names["tensorrt"].options_type is not names["tensorrt_rtx"].options_type
    libraries = {backend.library.module for backend in module.BACKENDS}
    assert libraries == {"tensorrt", "tensorrt_rtx"}


class _Runtime:
    """Of a pretended machine: its only plan is the fake engine's."""

    plan: Plan

    def __init__(self, logger: Any) -> None:
        del logger

    def deserialize_cuda_engine(self, given: bytes) -> FakeEngine | None:
        return FakeEngine(self.plan) if given == b"plan" else None


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A driver, a device and libraries that all pretend."""
    plan = sessions.plan_of()
    runtime = type("Runtime", (_Runtime,), {"plan": plan})
    fake = SimpleNamespace(
        **vars(fake_trt(rtx=plan.rtx)), Runtime=runtime, ILogger=object, __name__="tensorrt_rtx"
    )
    monkeypatch.setattr(module.TensorRt, "_module", lambda _: fake)
    monkeypatch.setattr(module.TensorRt, "can_run", lambda _: Availability(True))
    monkeypatch.setattr(module, "CudaRuntime", lambda: CudaRuntime(FakeCuda(plan.device)))
    return plan


def test_where_there_is_a_gpu_a_plan_is_opened_and_called(gpu: Plan, tmp_path: Path) -> None:
    (tmp_path / "engine.plan").write_bytes(b"plan")
    artifact = replace(sessions.artifact_of(gpu, RtxOptions()), path=tmp_path)
    backend = module.TensorRtRtx()
    backend.load_library()
    with backend.open(artifact) as session:
        given = sessions.images(side=4)
        sessions.check_outputs(session.infer({IMAGE: given}), given)
