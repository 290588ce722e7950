"""What the NVIDIA driver says about the GPUs, through NVML: CUDA is never started for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

_TODO = "With an NVIDIA GPU: install its driver"
_ERRORS = {
    "NVMLError_LibraryNotFound": ("no NVIDIA driver is installed", _TODO),
    "NVMLError_DriverNotLoaded": (
        "the NVIDIA driver is not loaded",
        "Where there is an NVIDIA GPU: restart, or install its driver again",
    ),
    "NVMLError_LibRmVersionMismatch": (
        "the NVIDIA driver was changed since the system started",
        "Restart the system",
    ),
    "NVMLError_NoPermission": (
        "the NVIDIA driver may not be asked by this user",
        "Give this user, or this container, access to the devices /dev/nvidia*",
    ),
}
"""By NVML's error: why there is no device, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU: its compute capability (``8.9``) and its whole memory."""

    name: str
    capability: str
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Those ``found``, or the ``reason`` why there are none and what to do. ``driver`` is its
    version and ``cuda`` the newest CUDA it runs (``13.0``), where it answers."""

    found: tuple[Device, ...] = ()
    driver: str = ""
    cuda: str = ""
    reason: str = ""
    todo: str = ""


@cache
def find_devices() -> Devices:
    """Asked once in a process. ``CUDA_VISIBLE_DEVICES`` hides nothing from NVML."""
    try:
        import pynvml
    except ImportError:
        todo = "With an NVIDIA GPU: pip install 'sizewise[rtx]'"
        return Devices(reason="nvidia-ml-py, which asks the driver, is not installed", todo=todo)
    try:
        pynvml.nvmlInit()
        try:
            return _read(pynvml)
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        said = (f"the NVIDIA driver fails: {error}", "Look at what nvidia-smi says")
        reason, todo = _ERRORS.get(type(error).__name__, said)
        return Devices(reason=reason, todo=todo)


def _read(nvml: Any) -> Devices:
    driver, cuda = nvml.nvmlSystemGetDriverVersion(), nvml.nvmlSystemGetCudaDriverVersion()
    handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    missing = not handles
    return Devices(
        found=tuple(_device(nvml, handle) for handle in handles),
        driver=driver,
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}",
        reason=f"the NVIDIA driver {driver} finds no GPU" if missing else "",
        todo="See that the GPU is there and may be used: nvidia-smi lists it" if missing else "",
    )


def _device(nvml: Any, handle: Any) -> Device:
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Device(
        name=nvml.nvmlDeviceGetName(handle),
        capability=f"{major}.{minor}",
        memory_bytes=nvml.nvmlDeviceGetMemoryInfo(handle).total,
    )
