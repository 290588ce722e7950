"""The GPU's providers as far as they can be tested without one: with a library that pretends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines.backends import onnxruntime_gpu
from engines.backends._ort.calls import DeviceSession
from engines.backends.onnxruntime_gpu import OnnxRuntimeCuda, OnnxRuntimeTensorRt
from engines.base import Availability, example_input
from engines.registry import find_backend
from sizewise.core.machine import nvidia
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.core.specs import (
    BackendOptions,
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    LayerPrecision,
    Profile,
    Size,
)

ort = pytest.importorskip("onnxruntime")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
NAMES = {
    "onnxruntime_cuda": "CUDAExecutionProvider",
    "onnxruntime_tensorrt": "TensorrtExecutionProvider",
}
SPEC = EngineSpec(
    backend="onnxruntime_tensorrt",
    strategy="dynamic",
    profiles=(Profile.spanning([Size(64, 96), Size(96, 96), Size(128, 160)]),),
    batch_size=2,
)
ALLOWED = replace(SPEC, options=BackendOptions(allow_fallback=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_that_the_library_lacks_is_told_with_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = find_backend(name)
    module = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(onnxruntime_gpu, "find_spec", lambda name: module)
    answer = backend.can_run()
    assert not answer.ok
    assert NAMES[name] in answer.reason
    assert "sizewise[gpu]" in answer.todo
    (tmp_path / "capi").mkdir()
    library = name.removeprefix("onnxruntime_")
    (tmp_path / "capi" / f"libonnxruntime_providers_{library}.so").touch()
    none = Devices(reason="there is no driver", todo="install it")
    monkeypatch.setattr(nvidia, "find_devices", lambda: none)
    assert backend.can_run() == Availability(False, none.reason, none.todo)
    gpu = Device(name="a GPU", capability="9.0", memory_bytes=2**37)
    monkeypatch.setattr(nvidia, "find_devices", lambda: Devices(found=(gpu,)))
    assert backend.can_run().ok


def test_the_tensorrt_provider_needs_the_library_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    gpu = Device(name="a GPU", capability="9.0", memory_bytes=2**37)
    monkeypatch.setattr(onnxruntime_gpu, "find_spec", lambda name: module)
    monkeypatch.setattr(nvidia, "find_devices", lambda: Devices(found=(gpu,)))
    monkeypatch.setattr(onnxruntime_gpu, "find_library", lambda name: None)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "tensorrt"))
    (tmp_path / "capi").mkdir()
    provider = tmp_path / "capi" / "libonnxruntime_providers_tensorrt.so"
    provider.write_bytes(b"\x7fELF\0libnvinfer.so.10\0libnvinfer_plugin.so.10\0")
    backend = find_backend("onnxruntime_tensorrt")
    for answer in (backend.can_build(), backend.can_run()):
        assert not answer.ok
        assert "libnvinfer.so.10" in answer.reason
        assert "LD_LIBRARY_PATH" in answer.todo
    monkeypatch.setattr(onnxruntime_gpu, "find_library", lambda name: "libnvinfer.so.9")
    assert not backend.can_run().ok
    monkeypatch.setattr(onnxruntime_gpu, "find_library", lambda name: "libnvinfer.so.10")
    assert backend.can_run().ok
    monkeypatch.setattr(onnxruntime_gpu, "find_library", lambda name: None)
    (tmp_path / "tensorrt").mkdir()
    (tmp_path / "tensorrt" / "libnvinfer.so.10").touch()
    assert backend.can_run().ok


def test_no_other_provider_is_asked_for_unless_that_is_allowed(net: ExportedModel) -> None:
    (cuda,) = OnnxRuntimeCuda()._providers(net, SPEC)
    assert cuda == ("CUDAExecutionProvider", {"use_tf32": "0"})
    behind = OnnxRuntimeCuda()._providers(net, ALLOWED)
    assert behind == [cuda, "CPUExecutionProvider"]
    (tensorrt,) = OnnxRuntimeTensorRt()._providers(net, SPEC)
    assert OnnxRuntimeTensorRt()._providers(net, ALLOWED) == [tensorrt, *behind]


@pytest.mark.parametrize(
    ("precision", "flags"), [("fp32", set()), ("int8", {"trt_int8_enable"}), ("fp8", set())]
)
def test_tensorrt_is_given_the_profile_and_the_precision(
    net: ExportedModel, precision: str, flags: set[str]
) -> None:
    model = replace(net, card=replace(net.card, precision=precision))
    ((_, options),) = OnnxRuntimeTensorRt()._providers(model, SPEC)
    shapes = {k: v for k, v in options.items() if k.endswith("_shapes")}
    assert shapes == {
        "trt_profile_min_shapes": "images:2x3x64x96",
        "trt_profile_opt_shapes": "images:2x3x96x96",
        "trt_profile_max_shapes": "images:2x3x128x160",
    }
    assert options.keys() - shapes.keys() == flags


def test_the_plan_goes_into_the_engines_file(tmp_path: Path) -> None:
    options = ort.SessionOptions()
    OnnxRuntimeTensorRt()._write_engine(options, tmp_path / "engine.onnx")
    entry = options.get_session_config_entry
    assert entry("ep.context_file_path") == str(tmp_path / "engine.onnx")
    assert (entry("ep.context_enable"), entry("ep.context_embed_mode")) == ("1", "1")


def test_what_tensorrt_runs_in_is_not_claimed() -> None:
    plan = LayerPrecision(name="plan", kind="TRTKernel", precision="fp32")
    achieved = OnnxRuntimeTensorRt()._achieved((plan,))
    assert achieved.layers == ()
    stray = replace(plan, kind="Resize", place="CUDA")
    assert "run on CUDA" in OnnxRuntimeTensorRt()._achieved((plan, stray)).reason


def test_copies_to_and_from_the_device_are_part_of_a_call(build: Build, net: ExportedModel) -> None:
    """The CPU's own session stands in for a device's."""
    profile = Profile.fixed(Size(64, 96))
    cpu = EngineSpec(backend="onnxruntime", strategy="static", profiles=(profile,))
    artifact = build(net, cpu)
    engine = ort.InferenceSession(artifact.path / "engine.onnx", providers=["CPUExecutionProvider"])
    counted: list[str] = []

    class Counting:
        def __init__(self) -> None:
            self._real = engine.io_binding()

        def bind_cpu_input(self, name: str, array: Any) -> None:
            counted.append(name)
            self._real.bind_cpu_input(name, array)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    stand_in = SimpleNamespace(
        get_outputs=engine.get_outputs,
        io_binding=Counting,
        run_with_iobinding=lambda binding: engine.run_with_iobinding(binding._real),
    )
    images = example_input(artifact, (1, 3, 64, 96))
    with DeviceSession(artifact, stand_in) as session:
        session.bind({"images": images})
        assert counted == []
        for _ in range(2):
            session.enqueue()
            session.synchronize()
        assert counted == ["images", "images"]
        (expected,) = engine.run(None, {"images": images})
        np.testing.assert_array_equal(session.outputs()["boxes"], expected)
