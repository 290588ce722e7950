"""What the driver says, by a pretended one and by the true one of this machine."""

from __future__ import annotations

import ctypes.util
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from sizewise.core.children.child import run_in_child
from sizewise.core.machine.environment import nvidia_devices
from sizewise.core.machine.nvidia import Device, find_devices

pynvml = pytest.importorskip("pynvml")


class Driver(SimpleNamespace):
    """pynvml, as it is with a driver and with GPUs of (name, compute capability, bytes). The first
    has the UUID GPU-00ab, and the part of it that MIG made MIG-00ab."""

    NVMLError = pynvml.NVMLError
    NVMLError_NotFound = pynvml.NVMLError_NotFound
    NVMLError_InvalidArgument = pynvml.NVMLError_InvalidArgument

    def __init__(self, *gpus: tuple[str, tuple[int, int], int], error: int = 0) -> None:
        super().__init__(gpus=gpus, error=error, open=0, asked=0)

    def nvmlInit(self) -> None:  # noqa: N802 - these names are NVIDIA's
        self.asked += 1
        if self.error:
            raise pynvml.NVMLError(self.error)
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "580.95.05"

    def nvmlSystemGetCudaDriverVersion(self) -> int:  # noqa: N802
        return 13010

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:  # noqa: N802
        return self.gpus[index]

    def nvmlDeviceGetName(self, handle: Any) -> str:  # noqa: N802
        return str(handle[0])

    def nvmlDeviceGetCudaComputeCapability(self, handle: Any) -> tuple[int, int]:  # noqa: N802
        if handle[1] == (0, 0):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return (handle[1][0], handle[1][1])

    def nvmlDeviceGetUUID(self, handle: Any) -> str:  # noqa: N802
        return f"GPU-{self.gpus.index(handle):02}ab"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Any:  # noqa: N802
        if uuid != "MIG-00ab":
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        name, _, nbytes = self.gpus[0]
        return (f"{name} MIG 1g", None, nbytes // 8)

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: Any) -> Any:  # noqa: N802
        assert handle[1] is None
        return self.gpus[0]

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any:  # noqa: N802
        return SimpleNamespace(total=handle[2])


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    find_devices.cache_clear()
    yield
    find_devices.cache_clear()


def with_driver(patch: pytest.MonkeyPatch, driver: Driver | None) -> None:
    patch.setitem(sys.modules, "pynvml", driver)


def test_every_name_that_is_asked_for_is_nvmls() -> None:
    names = [name for name in vars(Driver) if name.startswith("nvml")]
    assert len(names) == 12
    assert all(callable(getattr(pynvml, name)) for name in names)


def test_devices_are_those_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(("RTX 4090", (8, 9), 24 << 30), ("H200", (9, 0), 141 << 30))
    with_driver(monkeypatch, driver)
    devices = find_devices()
    assert devices.found == (
        Device(name="RTX 4090", capability="8.9", memory_bytes=24 << 30),
        Device(name="H200", capability="9.0", memory_bytes=141 << 30),
    )
    assert (devices.driver, devices.cuda) == ("580.95.05", "13.1")
    assert (devices.reason, devices.todo) == ("", "")
    assert nvidia_devices() == ("RTX 4090, driver 580.95.05", "H200, driver 580.95.05")
    assert (driver.asked, driver.open) == (1, 0)


THREE = (("T4", (7, 5), 16 << 30), ("RTX 4090", (8, 9), 24 << 30), ("H200", (9, 0), 141 << 30))


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("1", ["RTX 4090"]),
        ("2,0", ["H200", "T4"]),
        ("0, 2", ["T4", "H200"]),
        ("0,2,-1,1", ["T4", "H200"]),
        ("1,3,0", ["RTX 4090"]),
        ("GPU-02ab", ["H200"]),
        ("GPU-01,GPU-00", ["RTX 4090", "T4"]),
        ("2,GPU-0,1", ["H200"]),
        ("MIG-00ab", ["T4 MIG 1g"]),
        ("1,MIG-77,0", ["RTX 4090"]),
    ],
)
def test_devices_are_those_that_cuda_sees(
    monkeypatch: pytest.MonkeyPatch, visible: str, names: list[str]
) -> None:
    """Which it sees is in NVIDIA's CUDA programming guide, "CUDA Environment Variables"."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with_driver(monkeypatch, Driver(*THREE))
    devices = find_devices()
    assert [device.name for device in devices.found] == names
    assert devices.reason == ""
    capabilities = {name: f"{major}.{minor}" for name, (major, minor), _ in THREE}
    assert all(d.capability == capabilities[d.name.removesuffix(" MIG 1g")] for d in devices.found)


@pytest.mark.parametrize("visible", ["", "-1", "3", "NoDevFiles", "GPU-", "GPU-9", "MIG-99"])
def test_gpus_that_are_hidden_from_cuda_are_told(
    monkeypatch: pytest.MonkeyPatch, visible: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with_driver(monkeypatch, Driver(*THREE))
    devices = find_devices()
    assert not devices.found
    assert devices.reason == f"CUDA_VISIBLE_DEVICES is {visible!r}, which hides every GPU (3 found)"
    assert devices.todo.startswith("Unset CUDA_VISIBLE_DEVICES")


def test_cuda_counts_as_nvml_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    with_driver(monkeypatch, Driver(*THREE))
    find_devices()
    found = run_in_child("os:getenv", {"key": "CUDA_DEVICE_ORDER"}, timeout_s=60)
    assert found == os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


@pytest.mark.parametrize(
    ("error", "reason", "todo"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "no NVIDIA driver is installed", "install"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "is not loaded", "restart"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "was changed", "Restart"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "can't be queried", "/dev/nvidia"),
        (pynvml.NVML_ERROR_UNKNOWN, "Unknown Error", "nvidia-smi"),
    ],
)
def test_a_driver_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, error: int, reason: str, todo: str
) -> None:
    with_driver(monkeypatch, Driver(error=error))
    devices = find_devices()
    assert not devices.found
    assert not nvidia_devices()
    assert reason in devices.reason
    assert todo in devices.todo


def test_a_driver_without_a_gpu_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with_driver(monkeypatch, Driver())
    assert "580.95.05 finds no GPU" in find_devices().reason
    assert find_devices().driver == "580.95.05"


def test_a_gpu_that_fails_is_told_and_nvml_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(("RTX 4090", (8, 9), 1), ("lost", (0, 0), 1))
    with_driver(monkeypatch, driver)
    assert "GPU is lost" in find_devices().reason
    assert driver.open == 0


def test_without_nvidia_ml_py_the_reason_is_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with_driver(monkeypatch, None)
    assert "nvidia-ml-py" in find_devices().reason
    assert "pip install 'sizewise[rtx]'" in find_devices().todo


def test_the_answer_of_this_machine_is_its_drivers() -> None:
    devices = find_devices()
    if ctypes.util.find_library("nvidia-ml") is None:
        assert devices.reason == "no NVIDIA driver is installed"
    assert bool(devices.found) != bool(devices.reason)
    assert bool(devices.reason) == bool(devices.todo)
