"""What can build and run, by library, driver and GPU; the library of this machine is the true one,
the others are pretended."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import libraries
from engines.tensorrt import availability
from engines.tensorrt.availability import TENSORRT, TENSORRT_RTX, Library, can_build, can_run
from sizewise.core.machine import nvidia, packages
from sizewise.core.machine.nvidia import Device, Devices

ROOT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("library", [TENSORRT, TENSORRT_RTX], ids=lambda one: one.name)
NO_DRIVER = Devices(reason="no NVIDIA driver is installed", todo="Install it")


def gpu(*capabilities: str, cuda: str = "13.1") -> Devices:
    found = tuple(Device(name=f"GPU {c}", capability=c, memory_bytes=1) for c in capabilities)
    return Devices(found=found, driver="580.1", cuda=cuda)


@dataclass
class Machine:
    """Packages by name with their versions, each with what it requires, and modules with their
    folders."""

    folder: Path
    patch: pytest.MonkeyPatch
    versions: dict[str, str] = field(default_factory=dict)
    requirements: dict[str, list[str]] = field(default_factory=dict)
    modules: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.patch.setattr(packages, "_version", lambda name: self.versions.get(name, ""))
        self.patch.setattr(
            metadata,
            "requires",
            lambda name: self._known(self.versions, name) and self.requirements.get(name),
        )
        for module in (libraries, availability):
            self.patch.setattr(module, "find_spec", self._find)

    def _known(self, among: dict[str, Any], name: str) -> Any:
        if name not in among:
            raise metadata.PackageNotFoundError(name)
        return among[name]

    def _find(self, module: str) -> ModuleSpec | None:
        if module not in self.modules:
            return None
        return ModuleSpec(module, None, origin=str(self.modules[module] / "__init__.py"))

    def see(self, devices: Devices) -> None:
        self.patch.setattr(nvidia, "find_devices", lambda: devices)

    def install(self, name: str, version: str, module: str, *files: str) -> None:
        self.versions[name] = version
        self.modules[module] = self.folder / module
        self.modules[module].mkdir(exist_ok=True)
        for file in files:
            (self.modules[module] / file).touch()

    def install_library(self, library: Library, version: str, cuda: int = 13) -> str:
        """As pip does: a package that requires two, and CUDA's bindings."""
        name = next(n for n in library.distributions if n.endswith(f"-cu{cuda}"))
        wheel = name.replace("-", "_")
        self.install(name, version, library.module)
        self.install(f"{name}-bindings", version, f"{library.module}_bindings", "tensorrt.so")
        self.install(f"{name}-libs", version, f"{library.module}_libs", "libnvinfer.so.10")
        self.requirements[name] = [
            f"{wheel}_libs=={version}",
            f"{wheel}_bindings=={version}",
            'numpy; extra == "numpy"',
        ]
        self.install("cuda-bindings", f"{cuda}.0", "cuda.bindings")
        return name


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine(tmp_path, monkeypatch)
    found.see(NO_DRIVER)
    return found


def test_capabilities_are_those_that_the_library_names() -> None:
    trt = pytest.importorskip("tensorrt_rtx")
    names = [n for n in vars(trt.ComputeCapability) if n.startswith("SM")]
    theirs = {f"{n[2:-1]}.{n[-1]}" for n in names}
    assert {*TENSORRT_RTX.capabilities} == theirs


def test_the_library_of_this_machine_is_found_without_importing_it() -> None:
    pytest.importorskip("pynvml")
    program = (
        "import sys; from engines.tensorrt.availability import *;"
        "print(can_build(TENSORRT_RTX).ok, TENSORRT_RTX.version());"
        "can_run(TENSORRT_RTX), can_build(TENSORRT), can_run(TENSORRT);"
        "print({m for m in sys.modules if m.startswith(('tensorrt', 'cuda.b'))} or '')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    version = metadata.version("tensorrt-rtx-cu13")
    assert done.stdout.split() == ["True", version]


@BOTH
def test_a_library_that_is_not_installed_is_told(machine: Machine, library: Library) -> None:
    for answer in (can_build(library), can_run(library)):
        assert answer.reason == f"{library.title} is not installed"
        assert answer.todo.startswith(f"pip install 'sizewise[{library.extra}]'")
    assert library.version() == ""


def test_tensorrt_comes_from_the_index_of_nvidia(machine: Machine) -> None:
    assert can_build(TENSORRT).todo.endswith("--extra-index-url https://pypi.nvidia.com")
    assert "index" not in can_build(TENSORRT_RTX).todo


def test_one_builds_without_a_driver_and_the_other_does_not(machine: Machine) -> None:
    machine.install_library(TENSORRT_RTX, "1.7.1.116")
    machine.install_library(TENSORRT, "10.13.0.35")
    assert can_build(TENSORRT_RTX).ok
    for answer in (can_run(TENSORRT_RTX), can_build(TENSORRT), can_run(TENSORRT)):
        assert answer.reason == NO_DRIVER.reason
    assert "tensorrt_rtx builds: pip install 'sizewise[rtx]'" in can_build(TENSORRT).todo


RUNS = {
    "6.1": (False, False),
    "7.0": (False, False),
    "7.5": (True, True),
    "8.0": (True, True),
    "8.9": (True, True),
    "9.0": (True, False),
    "10.0": (True, False),
    "12.0": (True, True),
}
"""By compute capability: in TensorRT and in TensorRT for RTX."""


@pytest.mark.parametrize("capability", RUNS)
def test_a_gpu_is_judged_by_its_compute_capability(machine: Machine, capability: str) -> None:
    for library, version, runs in zip(
        (TENSORRT, TENSORRT_RTX), ("11.0.0", "1.7.1"), RUNS[capability], strict=True
    ):
        machine.install_library(library, version)
        machine.see(gpu(capability))
        assert can_run(library).ok == runs
        assert can_build(library).ok == (runs or library is TENSORRT_RTX)
        if not runs:
            assert f"the first GPU, has {capability}" in can_run(library).reason


def test_where_rtx_does_not_run_tensorrt_is_named_if_it_does(machine: Machine) -> None:
    machine.install_library(TENSORRT_RTX, "1.7.1")
    machine.see(gpu("9.0"))
    assert "Use tensorrt on it: pip install 'sizewise[tensorrt]'" in can_run(TENSORRT_RTX).todo
    machine.see(gpu("6.1"))
    assert "newer GPU" in can_run(TENSORRT_RTX).todo


def test_the_first_gpu_is_the_one_that_is_used(machine: Machine) -> None:
    machine.install_library(TENSORRT_RTX, "1.7.1")
    machine.see(gpu("8.9", "9.0"))
    assert can_run(TENSORRT_RTX).ok
    machine.see(gpu("9.0", "6.1", "8.9"))
    assert "GPU 9.0, the first GPU, has 9.0" in can_run(TENSORRT_RTX).reason
    assert can_run(TENSORRT_RTX).todo == "Name the GPU 8.9 first in CUDA_VISIBLE_DEVICES"


@pytest.mark.parametrize(
    ("library", "version", "new_enough"),
    [
        (TENSORRT, "8.6.1", False),
        (TENSORRT, "10.7.0.post1", False),
        (TENSORRT, "10.8.0.43", True),
        (TENSORRT, "10.13.3.9", True),
        (TENSORRT, "11.0.0.1", True),
        (TENSORRT_RTX, "1.2.0.54", False),
        (TENSORRT_RTX, "1.3.0.35", True),
    ],
)
def test_an_old_version_is_refused_with_its_number(
    machine: Machine, library: Library, version: str, new_enough: bool
) -> None:
    machine.install_library(library, version)
    machine.see(gpu("8.9"))
    assert can_build(library).ok == can_run(library).ok == new_enough
    if not new_enough:
        assert f"{version} is installed" in can_build(library).reason
        assert can_build(library).todo.endswith("--upgrade")


@given(
    version=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    oldest=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_versions_are_compared_by_number(version: tuple[int, int], oldest: tuple[int, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        machine = Machine(Path(), patch, versions={"tensorrt": "{}.{}.0".format(*version)})
        machine.modules["tensorrt"] = Path()
        machine.see(gpu("8.9"))
        assert can_build(replace(TENSORRT, oldest=oldest)).ok == (version >= oldest)


@BOTH
@pytest.mark.parametrize("part", ["bindings", "libs"])
def test_a_part_that_is_missing_is_named(machine: Machine, library: Library, part: str) -> None:
    machine.see(gpu("8.9"))
    name = machine.install_library(library, "11.0.0" if library is TENSORRT else "1.7.0")
    assert can_build(library).ok
    for file in machine.modules[f"{library.module}_{part}"].iterdir():
        file.unlink()
    assert f"without the files of {name}-{part}" in can_build(library).reason
    del machine.versions[f"{name}-{part}"]
    for answer in (can_build(library), can_run(library)):
        assert answer.reason.endswith(f"is installed without {name}-{part}")
        assert "--force-reinstall" in answer.todo


def test_a_package_for_all_names_the_one_for_a_cuda_that_is_missing(machine: Machine) -> None:
    """As PyPI's own package leaves it, where NVIDIA's index was not asked."""
    machine.install("tensorrt", "11.0.0", "tensorrt")
    machine.requirements["tensorrt"] = ["tensorrt_cu13==11.0.0"]
    machine.see(gpu("8.9"))
    assert can_build(TENSORRT).reason == "TensorRT is installed without tensorrt-cu13"


@BOTH
def test_a_module_that_is_gone_is_told(machine: Machine, library: Library) -> None:
    machine.install_library(library, "11.0.0")
    del machine.modules[library.module]
    assert "is gone" in can_build(library).reason


@BOTH
def test_running_goes_through_cuda_bindings(machine: Machine, library: Library) -> None:
    machine.install_library(library, "11.0.0")
    machine.see(gpu("8.9"))
    assert can_run(library).ok
    del machine.versions["cuda-bindings"]
    assert can_build(library).ok
    assert can_run(library).reason == "cuda-bindings is not installed"


@BOTH
@pytest.mark.parametrize(("package", "driver", "runs"), [(13, "12.8", False), (12, "12.8", True)])
def test_a_driver_that_is_too_old_for_the_package_is_told(
    machine: Machine, library: Library, package: int, driver: str, runs: bool
) -> None:
    machine.install_library(library, "11.0.0", cuda=package)
    machine.see(gpu("8.9", cuda=driver))
    assert can_run(library).ok == runs
    if not runs:
        assert "for CUDA 13, and the driver 580.1 has CUDA 12.8" in can_run(library).reason


@BOTH
@pytest.mark.parametrize(
    ("bindings", "driver", "runs"),
    [
        ("13.5.0", "12.8", False),
        ("12.9.4", "12.8", True),
        ("12.9.4", "13.1", True),
        ("13.5.0", "13.0", True),
    ],
)
def test_bindings_that_are_too_new_for_the_driver_are_told(
    machine: Machine, library: Library, bindings: str, driver: str, runs: bool
) -> None:
    machine.install_library(library, "11.0.0", cuda=12)
    machine.versions["cuda-bindings"] = bindings
    machine.see(gpu("8.9", cuda=driver))
    assert can_build(library).ok
    answer = can_run(library)
    assert answer.ok == runs
    if not runs:
        assert "cuda-bindings is installed for CUDA 13, and the driver 580.1 has" in answer.reason
        assert answer.todo.startswith("pip install 'cuda-bindings<13'")
