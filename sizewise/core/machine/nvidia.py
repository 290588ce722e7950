"""The GPUs, as the NVIDIA driver reports them through NVML: CUDA is never started for it.

CUDA counts the fastest first and hides what ``CUDA_VISIBLE_DEVICES`` leaves out; NVML counts by PCI
bus and hides nothing (CUDA programming guide, "CUDA Environment Variables"). Here both are one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_ORDER = "CUDA_DEVICE_ORDER"
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
        "the NVIDIA driver can't be queried by this user",
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
    """The GPUs ``found`` that CUDA sees, in its order, or the ``reason`` why there are none and
    what to do.

    ``driver`` is its version and ``cuda`` the newest CUDA it runs (``13.0``), where it answers.
    """

    found: tuple[Device, ...] = ()
    driver: str = ""
    cuda: str = ""
    reason: str = ""
    todo: str = ""


@cache
def find_devices() -> Devices:
    """The GPUs, read once in a process, before it starts CUDA.

    CUDA then counts by PCI bus, too, here and in the processes that this one starts.
    """
    os.environ[_ORDER] = "PCI_BUS_ID"
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


def first_visible(nvml: Any) -> Any:
    """NVML's handle of the whole GPU on which CUDA runs what names none, or None. ``nvml`` is
    ``pynvml``, initialised."""
    return next((gpu for _, gpu in _visible(nvml, _handles(nvml))), None)


def _handles(nvml: Any) -> list[Any]:
    return [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]


def _read(nvml: Any) -> Devices:
    driver, cuda = nvml.nvmlSystemGetDriverVersion(), nvml.nvmlSystemGetCudaDriverVersion()
    handles = _handles(nvml)
    found = tuple(_device(nvml, *pair) for pair in _visible(nvml, handles))
    reason, todo = ("", "") if found else _missing(driver, len(handles))
    version = f"{cuda // 1000}.{cuda % 1000 // 10}"
    return Devices(found=found, driver=driver, cuda=version, reason=reason, todo=todo)


def _missing(driver: str, hidden: int) -> tuple[str, str]:
    if not hidden:
        todo = "See that the GPU is there and may be used: nvidia-smi lists it"
        return f"the NVIDIA driver {driver} finds no GPU", todo
    why = f"{_VISIBLE} is {os.environ[_VISIBLE]!r}, which hides every GPU ({hidden} found)"
    return why, f"Unset {_VISIBLE}, or name in it what nvidia-smi -L lists"


def _visible(nvml: Any, handles: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each device and the GPU that it is, or is a part of; the first name that means none ends the
    list."""
    if _VISIBLE not in os.environ:
        yield from zip(handles, handles, strict=True)
        return
    for name in os.environ[_VISIBLE].split(","):
        pair = _named(nvml, handles, name.strip())
        if pair is None:
            return
        yield pair


def _named(nvml: Any, handles: Sequence[Any], name: str) -> tuple[Any, Any] | None:
    """The device that a name means: an index, or a UUID or its beginning, where only one has it.

    A part of a GPU (MIG) has a UUID of its own, and the capability of the whole.
    """
    if name.startswith("MIG-"):
        try:
            part = nvml.nvmlDeviceGetHandleByUUID(name)
            return part, nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)
        except (nvml.NVMLError_NotFound, nvml.NVMLError_InvalidArgument):
            return None
    if name.isdecimal():
        meant = list(handles[int(name) :][:1])
    else:
        meant = [h for h in handles if name and nvml.nvmlDeviceGetUUID(h).startswith(name)]
    return (meant[0], meant[0]) if len(meant) == 1 else None


def _device(nvml: Any, handle: Any, gpu: Any) -> Device:
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(gpu)
    return Device(
        name=nvml.nvmlDeviceGetName(handle),
        capability=f"{major}.{minor}",
        memory_bytes=nvml.nvmlDeviceGetMemoryInfo(handle).total,
    )
