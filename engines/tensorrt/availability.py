"""Whether the two libraries of TensorRT can build and run here, found out without importing them.

A ``Runtime`` without a driver is a hollow object whose first use kills the interpreter, so the
driver is asked through NVML first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from engines.base import Availability
from engines.libraries import presence
from sizewise.core.machine import nvidia
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.core.machine.packages import installed_version

_BINDINGS = "cuda-bindings"
_OLDEST_CAPABILITY = (7, 5)
"""Turing: TensorRT 10.5 removed Volta (its release notes, "NVIDIA Volta Support Removed")."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """A library of TensorRT.

    ``name`` is its back end's, ``distributions`` are the packages that bring ``module``, ``extra``
    is ours that requires them, ``index`` is where pip finds them besides its usual index,
    ``oldest`` is the first version that is supported, ``capabilities`` are the compute capabilities
    that it runs on (none: all from 7.5 on). Without ``builds_on_cpu`` it times layers on a GPU.
    """

    name: str
    title: str
    module: str
    distributions: tuple[str, ...]
    extra: str
    oldest: tuple[int, int]
    index: str = ""
    capabilities: tuple[str, ...] = ()
    builds_on_cpu: bool = False

    @property
    def install(self) -> str:
        """The command that installs it."""
        index = f" --extra-index-url {self.index}" if self.index else ""
        return f"pip install 'sizewise[{self.extra}]'{index}"

    def version(self) -> str:
        """The installed version; empty where it is not installed."""
        return installed_version(*self.distributions)

    def runs_on(self, device: Device) -> bool:
        if self.capabilities:
            return device.capability in self.capabilities
        return _numbers(device.capability) >= _OLDEST_CAPABILITY


TENSORRT = Library(
    name="tensorrt",
    title="TensorRT",
    module="tensorrt",
    distributions=("tensorrt-cu13", "tensorrt-cu12", "tensorrt"),
    extra="tensorrt",
    oldest=(10, 8),
    index="https://pypi.nvidia.com",
)
"""PyPI's own packages of that name hold no library: theirs is in NVIDIA's index (TensorRT
documentation, "Installing TensorRT", Python package index)."""

TENSORRT_RTX = Library(
    name="tensorrt_rtx",
    title="TensorRT for RTX",
    module="tensorrt_rtx",
    distributions=("tensorrt-rtx-cu13", "tensorrt-rtx-cu12"),
    extra="rtx",
    oldest=(1, 3),
    capabilities=("7.5", "8.0", "8.6", "8.9", "12.0", "12.1"),
    builds_on_cpu=True,
)
"""Its capabilities are those of the module's ``ComputeCapability`` (TensorRT-RTX documentation,
"Support Matrix")."""


def can_build(library: Library) -> Availability:
    """Whether the library can build here: TensorRT for RTX without a GPU, TensorRT on one."""
    here = _installed(library)
    return here if library.builds_on_cpu or not here.ok else _on_device(library)


def can_run(library: Library) -> Availability:
    """Whether the library can run here: sessions need cuda-bindings, and use the first GPU that
    CUDA sees."""
    answers = (ask(library) for ask in (_installed, _on_device, _bindings))
    return next((answer for answer in answers if not answer.ok), Availability(True))


def _installed(library: Library) -> Availability:
    version = library.version()
    if not version:
        return Availability(False, f"{library.title} is not installed", library.install)
    here = presence(library.module, library.distributions, library.extra)
    if not here.ok:
        return Availability(False, here.reason, f"{library.install} --force-reinstall")
    if _numbers(version) < library.oldest:
        oldest = ".".join(map(str, library.oldest))
        why = f"{library.title} {version} is installed, and it takes {oldest} or newer"
        return Availability(False, why, f"{library.install} --upgrade")
    if missing := _missing_part(library):
        why = f"{library.title} is installed without {missing}"
        return Availability(False, why, f"{library.install} --force-reinstall")
    return Availability(True)


def _missing_part(library: Library) -> str:
    """The package that pip left out; empty where nothing is missing.

    A wheel needs two more of the same name, the bindings and the libraries. A package that was not
    made for pip has neither.
    """
    for name in library.distributions:
        for requirement in _requirements(name):
            part = requirement.replace("_", "-")
            suffix = part.rpartition("-")[2]
            if not installed_version(part):
                return part
            if suffix in ("bindings", "libs") and not _has_binary(f"{library.module}_{suffix}"):
                return f"the files of {part}"
    return ""


def _requirements(distribution: str) -> list[str]:
    """Names of the packages that it needs on every system and without an extra."""
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    return [re.split(r"[^\w.-]", line)[0] for line in lines if ";" not in line]


def _has_binary(module: str) -> bool:
    found = find_spec(module)
    folder = Path(found.origin).parent if found and found.origin else None
    return folder is not None and any(
        path.suffix in (".dll", ".pyd") or ".so" in path.suffixes for path in folder.iterdir()
    )


def _on_device(library: Library) -> Availability:
    devices = nvidia.find_devices()
    if not devices.found:
        todo = f"{devices.todo}{'' if library.builds_on_cpu else _elsewhere()}"
        return Availability(False, devices.reason, todo)
    if not library.runs_on(devices.found[0]):
        return _unsupported(library, *devices.found)
    needed = next((int(name[-2:]) for name in library.distributions if _is_for_cuda(name)), 0)
    return _by_driver(library.title, needed, devices, "Install a newer NVIDIA driver")


def _unsupported(library: Library, first: Device, *others: Device) -> Availability:
    wanted = ", ".join(library.capabilities) or "7.5 or newer"
    seen = f"{first.name}, the first GPU, has {first.capability}"
    why = f"{library.title} runs on compute capability {wanted}, and {seen}"
    if able := next(filter(library.runs_on, others), None):
        return Availability(False, why, f"Name the {able.name} first in CUDA_VISIBLE_DEVICES")
    if TENSORRT.runs_on(first):
        return Availability(False, why, f"Use {TENSORRT.name} on it: {TENSORRT.install}")
    return Availability(False, why, "Use a newer GPU, or onnxruntime or openvino on the CPU")


def _bindings(library: Library) -> Availability:
    """Whether cuda-bindings fit the driver: their major version is that of the CUDA that they are
    for."""
    here = presence("cuda.bindings", (_BINDINGS,), library.extra)
    if not here.ok:
        return here
    devices, (needed, *_) = nvidia.find_devices(), _numbers(installed_version(_BINDINGS))
    older = f"pip install '{_BINDINGS}<{needed}', or install a newer NVIDIA driver"
    return _by_driver(_BINDINGS, needed, devices, older)


def _by_driver(title: str, needed: int, devices: Devices, todo: str) -> Availability:
    """Whether the driver is new enough: a package for CUDA 13 does not run on one for CUDA 12."""
    if _numbers(devices.cuda)[0] >= needed:
        return Availability(True)
    why = f"{title} is installed for CUDA {needed}, and the driver {devices.driver} has CUDA "
    return Availability(False, f"{why}{devices.cuda}", todo)


def _is_for_cuda(distribution: str) -> bool:
    return "-cu" in distribution and bool(installed_version(distribution))


def _elsewhere() -> str:
    return f"; without one, {TENSORRT_RTX.name} builds: {TENSORRT_RTX.install}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
