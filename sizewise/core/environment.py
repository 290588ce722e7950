"""The machine and the software of a measurement, and a fingerprint of them."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from sizewise._version import __version__
from sizewise.core import codec
from sizewise.core.nvidia import find_devices

PACKAGES = (
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "tensorrt-cu12",
    "tensorrt-cu13",
    "tensorrt-rtx-cu13",
    "torch",
)
"""Packages whose version may change a figure."""

_TELLING_FLAGS = (
    "avx2",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_bf16",
    "amx_int8",
    "amx_fp16",
)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and the software of a run; ``memory_bytes`` is physical memory."""

    sizewise: str
    python: str
    system: str
    kernel: str
    cpu: str
    cpu_flags: tuple[str, ...]
    cores: int
    memory_bytes: int
    devices: tuple[str, ...]
    packages: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything but the kernel.

        Memory is rounded to GiB: it differs by a few pages from boot to boot.
        """
        telling = codec.to_plain(self) | {"memory_bytes": round(self.memory_bytes / 2**30)}
        telling.pop("kernel")
        return hashlib.sha256(codec.to_json(telling).encode()).hexdigest()


def installed_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of the packages that are installed, read from their metadata without importing
    them."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu() -> tuple[str, tuple[str, ...]]:
    """The processor's name and the flags that matter to inference, from /proc where there is
    one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), ()
    fields: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = set(fields.get("flags", "").split())
    return fields.get("model name", platform.machine()), tuple(
        f for f in _TELLING_FLAGS if f in flags
    )


def usable_cores() -> int:
    """Cores this process may run on (not those the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_onnxruntime() -> Any:
    """The module ``onnxruntime``, without its telemetry. A plain import starts an uploader to
    Microsoft and leaves an identifier and a database in the user's cache folder. Switched off after
    the import, it has made them already."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def nvidia_devices() -> tuple[str, ...]:
    """``name, driver version`` of each NVIDIA GPU; empty where none is found."""
    devices = find_devices()
    return tuple(f"{device.name}, driver {devices.driver}" for device in devices.found)


def read_environment() -> Environment:
    """The environment of this process, now."""
    cpu, flags = _cpu()
    return Environment(
        sizewise=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        kernel=platform.release(),
        cpu=cpu,
        cpu_flags=flags,
        cores=usable_cores(),
        memory_bytes=_memory_bytes(),
        devices=nvidia_devices(),
        packages=installed_versions(),
    )
