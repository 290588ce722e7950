"""PyTorch on a GPU as far as it can be tested without one: on the device ``cpu``, and ``meta``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.backends import torch_cuda
from engines.backends._failures import failed_call
from engines.backends._torch.device import TorchDeviceSession
from engines.backends.torch_cuda import TorchCuda, cuda_of_torch, moved
from engines.backends.torch_eager import TorchEager
from engines.base import example_input
from engines.registry import find_backend
from engines.store.opening import open_engine
from sizewise.core.errors import InferenceError
from sizewise.core.machine import nvidia
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SIZES = (Size(64, 64), Size(96, 128), Size(128, 96))
SPEC = EngineSpec(
    backend="torch_cuda",
    strategy="dynamic",
    profiles=(Profile.spanning(SIZES),),
    batch_size=2,
    graph_fusion="none",
)
GPU = Device(name="a GPU", capability="9.0", memory_bytes=2**37)


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TorchCuda, "device", "cpu")
    monkeypatch.setattr(TorchCuda, "can_build", TorchEager.can_build)


@pytest.fixture
def artifact(on_cpu: None, build: Build, net_with_program: ExportedModel) -> EngineArtifact:
    return build(net_with_program, SPEC)


def images_of(artifact: EngineArtifact, size: Size, seed: int = 0) -> Any:
    return example_input(artifact, artifact.image.shape(SPEC.batch_size, size), seed)


def test_outputs_are_those_of_torch_eager(
    artifact: EngineArtifact, build: Build, net_with_program: ExportedModel
) -> None:
    eager = build(net_with_program, replace(SPEC, backend="torch_eager"))
    with open_engine(artifact) as session, open_engine(eager) as reference:
        assert isinstance(session, TorchDeviceSession)
        for size in (*SIZES, *reversed(SIZES)):
            given = {"images": images_of(artifact, size)}
            found, expected = session.infer(given), reference.infer(given)
            np.testing.assert_array_equal(found["boxes"], expected["boxes"])


def test_the_parts_of_a_call_make_a_call(artifact: EngineArtifact) -> None:
    first, second = (images_of(artifact, SIZES[0], seed) for seed in (0, 1))
    with open_engine(artifact) as session:
        expected = session.infer({"images": second})["boxes"]
        session.infer({"images": first})
        session.bind({"images": second})
        parts = session.parts()
        assert list(parts) == ["host-to-device", "compute", "device-to-host"]
        for part in parts.values():
            part()
            session.synchronize()
        np.testing.assert_array_equal(session.outputs()["boxes"], expected)


def test_what_is_bound_may_be_changed_at_once(artifact: EngineArtifact) -> None:
    images = images_of(artifact, SIZES[0])
    with open_engine(artifact) as session:
        expected = session.infer({"images": images.copy()})["boxes"]
        session.bind({"images": images})
        images[:] = 0
        session.enqueue()
        session.synchronize()
        np.testing.assert_array_equal(session.outputs()["boxes"], expected)


def test_outputs_of_an_earlier_call_stay(artifact: EngineArtifact) -> None:
    with open_engine(artifact) as session:
        first = session.infer({"images": images_of(artifact, SIZES[0])})["boxes"]
        kept = first.copy()
        session.infer({"images": images_of(artifact, SIZES[0], seed=1)})
        np.testing.assert_array_equal(first, kept)


def _fp32_settings() -> list[str]:
    backends: Any = torch.backends
    settings = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)
    return [setting.fp32_precision for setting in settings]


def test_tf32_is_off_while_a_session_is_open(artifact: EngineArtifact) -> None:
    before = _fp32_settings()
    with open_engine(artifact):
        assert _fp32_settings() == ["ieee"] * 3
    assert _fp32_settings() == before != ["ieee"] * 3


def test_a_session_that_was_closed_fails_in_a_call(artifact: EngineArtifact) -> None:
    session = open_engine(artifact)
    session.bind({"images": images_of(artifact, SIZES[0])})
    session.close()
    with pytest.raises(InferenceError, match="closed"):
        session.enqueue()


def test_everything_of_a_program_is_moved() -> None:
    """To the device ``meta``, which refuses to be mixed with another."""

    class Grid(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3, 2, 1)
            self.register_buffer("shift", torch.ones(4, 1, 1))
            self.scale = torch.tensor([1.0, 2.0, 3.0, 4.0])

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps: torch.Tensor = self.conv(images) + self.shift
            columns = torch.arange(maps.shape[3], device=maps.device)
            return maps * columns.to(maps) * self.scale.to(maps.device).view(-1, 1, 1)

    free = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    example = (torch.zeros(1, 3, 64, 96),)
    program = moved(torch.export.export(Grid(), example, dynamic_shapes=(free,)), "meta")
    held = [*program.state_dict.values(), *program.constants.values()]
    assert {tensor.device.type for tensor in held} == {"meta"}
    given = program.module()(torch.empty(1, 3, 32, 64, device="meta"))
    assert (given.device.type, tuple(given.shape)) == ("meta", (1, 4, 16, 32))


def test_the_cuda_of_torch_is_read_without_importing_it() -> None:
    said = torch.version.cuda or ""
    assert cuda_of_torch() == said.partition(".")[0]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cuda: Optional[str] = '13.0'", "13"),
        ("cuda = '12.8'", "12"),
        ("cuda: Optional[str] = None", ""),
        ("cuda_more = '13.0'", ""),
        ("hip = '7.0'", ""),
    ],
)
def test_what_torch_says_of_its_cuda(
    line: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "version.py").write_text(f"__version__ = '2.13.0'\n{line}\n")
    module = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(torch_cuda, "find_spec", lambda name: module)
    assert cuda_of_torch() == found


@pytest.mark.parametrize(
    ("cuda", "devices", "why"),
    [
        ("", Devices(found=(GPU,), cuda="13.0"), "not for CUDA"),
        ("13", Devices(reason="no NVIDIA driver is installed"), "no NVIDIA driver"),
        ("13", Devices(found=(GPU,), driver="550.1", cuda="12.4"), "550.1 has CUDA 12.4"),
        ("13", Devices(found=(GPU,), cuda="13.2"), ""),
        ("12", Devices(found=(GPU,), cuda="13.2"), ""),
    ],
)
def test_it_says_why_it_can_not_run(
    cuda: str, devices: Devices, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_cuda, "cuda_of_torch", lambda: cuda)
    monkeypatch.setattr(nvidia, "find_devices", lambda: devices)
    backend = find_backend("torch_cuda")
    for answer in (backend.can_build(), backend.can_run()):
        assert answer.ok == (not why)
        assert why in answer.reason


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB.", "oom_device"),
        ("[enforce fail] DefaultCPUAllocator: not enough memory", "oom_host"),
        ("CUDA error: an illegal memory access was encountered", "error"),
    ],
)
def test_which_memory_ran_out_is_told(said: str, code: str) -> None:
    assert failed_call("torch_cuda", RuntimeError(said)).reason_code == code
