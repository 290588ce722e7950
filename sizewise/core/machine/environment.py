"""The machine and the software of a measurement, and a fingerprint of them."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sizewise._version import __version__
from sizewise.core import codec
from sizewise.core.machine.cores import cpu_quota, physical_cores, usable_cores
from sizewise.core.machine.nvidia import find_devices
from sizewise.core.machine.packages import installed_version

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
    *("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_bf16", "amx_int8", "amx_fp16"),
    *("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2", "sme"),
)
"""Instruction sets that matter to inference, on x86 and on ARM."""
_READ_BY_LIBRARIES = (
    *("OMP_", "GOMP_", "KMP_", "ORT_", "OV_", "MKL_", "OPENBLAS_", "MALLOC_", "GLIBC_TUNABLES"),
    *("ONEDNN_", "DNNL_", "TBB_", "ATEN_CPU_CAPABILITY"),
    *("BLIS_", "VECLIB_", "TORCHINDUCTOR_", "AOT_INDUCTOR_", "AOTINDUCTOR_", "TORCHDYNAMO_"),
    *("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_TUNABLEOP_", "TORCH_CUDNN_"),
    *("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "TORCH_BLAS_PREFER_"),
    *("NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG", "CUDA_AUTO_BOOST", "CUDA_BINARY_LOADER_"),
    *("CUDA_CACHE_DISABLE", "CUDA_CACHE_MAXSIZE", "CUDA_DEVICE_DEFAULT_", "CUDA_DEVICE_MAX_"),
    *("CUDA_DISABLE_", "CUDA_FORCE_", "CUDA_GRAPHS_", "CUDA_LAUNCH_BLOCKING", "CUDA_MANAGED_"),
    *("CUDA_MODULE_", "CUDA_MPS_", "CUDA_SCALE_LAUNCH_QUEUES"),
)
"""How their names begin. Those of CUDA are of the section "CUDA Environment Variables" of its
programming guide. Left out are those that say where it is installed, as images of containers do,
and which GPUs are visible: ``devices`` holds these."""
_DEFAULTS = {"CUDA_MODULE_LOADING": "LAZY"}
"""So they are without it too: this one since CUDA 12.2, and older PyTorch sets it by itself."""
_NOT_THE_USERS = ("ORT_DISABLE_TELEMETRY", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK")
"""We set the first, and scikit-learn the others when it is imported: they say nothing of the
machine, and change no figure."""
_HOW_IT_COMPILES = (
    *("TORCHINDUCTOR_CACHE_DIR", "TORCHINDUCTOR_COMPILE_THREADS", "TORCHINDUCTOR_WORKER_"),
    *("TORCHINDUCTOR_COMPILE_WORKER_", "TORCHINDUCTOR_FX_GRAPH_", "TORCHINDUCTOR_PROFILE"),
    *("TORCHINDUCTOR_FILE_LOCK_TIMEOUT", "TORCHINDUCTOR_QUIESCE_ASYNC_COMPILE_POOL"),
)
"""How the names of those begin that say where and how fast PyTorch compiles, and not what: the same
engine comes of them."""
_PRELOADED = "LD_PRELOAD"
"""Names another allocator, as a rule."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and the software of a run.

    ``cores`` are logical cores that this process may run on, ``physical_cores`` the same with
    hyper-threads counted once (0 in older records), ``quota`` the cores' worth of time that a
    cgroup grants (None: no limit), ``memory_bytes`` physical memory. ``cpu_model`` is family, model
    and stepping, or their like on ARM: virtual machines give many processors one name.
    ``variables`` are those of the environment that libraries read. ``boot`` and ``microcode`` say
    which start of which machine it was, where the system tells.
    """

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
    cpu_model: str = ""
    physical_cores: int = 0
    quota: float | None = None
    variables: dict[str, str] = field(default_factory=dict)
    boot: str = ""
    microcode: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what changes figures of every engine: kernel, boot and microcode are recorded
        beside it, and a package counts in the trials that use it (``Trial.backend_version``).

        Memory is rounded to GiB: it differs by a few pages from boot to boot.
        """
        telling = {
            "python": ".".join(self.python.split(".")[:2]),
            "system": self.system,
            "cpu": (self.cpu, self.cpu_model, self.cpu_flags),
            "cores": (self.cores, self.physical_cores, self.quota),
            "memory_gib": round(self.memory_bytes / 2**30),
            "devices": self.devices,
            "variables": self.variables,
        }
        return hashlib.sha256(codec.to_json(telling).encode()).hexdigest()


def installed_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of the packages that are installed, read from their metadata without importing
    them."""
    versions = ((name, installed_version(name)) for name in packages)
    return {name: version for name, version in versions if version}


@dataclass(frozen=True, kw_only=True)
class Processor:
    """What the system says of the first core: its name, what tells it from others of that name, the
    flags that matter, and its microcode."""

    name: str
    model: str
    flags: tuple[str, ...]
    microcode: str


def read_processor(info: Path = Path("/proc/cpuinfo")) -> Processor:
    """The processor, from /proc where there is one (x86 and ARM name their fields differently)."""
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        name = platform.processor() or platform.machine()
        return Processor(name=name, model="", flags=(), microcode="")
    fields: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features", "")).split())
    telling = (
        *("cpu family", "model", "stepping"),
        *("CPU implementer", "CPU part", "CPU variant", "CPU revision"),
    )
    return Processor(
        name=fields.get("model name", platform.machine()),
        model=", ".join(f"{key} {fields[key]}" for key in telling if key in fields),
        flags=tuple(flag for flag in _TELLING_FLAGS if flag in flags),
        microcode=fields.get("microcode", ""),
    )


def library_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of the environment that change how libraries run."""
    found = {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_READ_BY_LIBRARIES)
        and name not in _NOT_THE_USERS
        and not name.startswith(_HOW_IT_COMPILES)
        and _DEFAULTS.get(name) != value
    }
    preloaded = [Path(entry).name for entry in environment.get(_PRELOADED, "").split(":") if entry]
    return found | ({_PRELOADED: ":".join(preloaded)} if preloaded else {})


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


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def read_environment() -> Environment:
    """The environment of this process, now."""
    processor = read_processor()
    return Environment(
        sizewise=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        kernel=platform.release(),
        cpu=processor.name,
        cpu_flags=processor.flags,
        cores=usable_cores(),
        memory_bytes=_memory_bytes(),
        devices=nvidia_devices(),
        packages=installed_versions(),
        cpu_model=processor.model,
        physical_cores=physical_cores(),
        quota=cpu_quota(),
        variables=library_variables(),
        boot=_line("/proc/sys/kernel/random/boot_id"),
        microcode=processor.microcode,
    )
