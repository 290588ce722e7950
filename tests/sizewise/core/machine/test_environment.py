"""The processor and the variables that change how libraries run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sizewise.core.machine.environment import (
    library_variables,
    read_environment,
    read_processor,
)

X86 = """processor\t: 0
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC
stepping\t: 1
microcode\t: 0x1000065
flags\t\t: fpu avx2 sse2

processor\t: 1
model name\t: another
"""
ARM = """processor\t: 0
Features\t: fp asimd asimddp bf16 i8mm sve
CPU implementer\t: 0x41
CPU part\t: 0xd40
CPU variant\t: 0x1
CPU revision\t: 1
"""


@pytest.mark.parametrize(
    ("text", "model", "flags", "microcode"),
    [
        (X86, "cpu family 25, model 1, stepping 1", ("avx2",), "0x1000065"),
        (
            ARM,
            "CPU implementer 0x41, CPU part 0xd40, CPU variant 0x1, CPU revision 1",
            ("asimd", "asimddp", "bf16", "i8mm", "sve"),
            "",
        ),
    ],
    ids=["x86", "ARM"],
)
def test_processors_of_one_name_are_told_apart(
    tmp_path: Path, text: str, model: str, flags: tuple[str, ...], microcode: str
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    found = read_processor(path)
    assert (found.model, found.flags, found.microcode) == (model, flags, microcode)


def test_variables_that_libraries_read_are_recorded_and_no_others() -> None:
    given = {
        "OMP_NUM_THREADS": "3",
        "OV_CPU_PIN": "1",
        "MALLOC_ARENA_MAX": "2",
        "ORT_DISABLE_TELEMETRY": "1",
        "KMP_INIT_AT_FORK": "FALSE",
        "HOME": "/home/somebody",
        "LD_PRELOAD": "/usr/lib/libjemalloc.so.2",
    }
    assert library_variables(given) == {
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "3",
        "OV_CPU_PIN": "1",
        "LD_PRELOAD": "libjemalloc.so.2",
    }


@pytest.mark.parametrize(
    "setting",
    [
        "ONEDNN_MAX_CPU_ISA=AVX2",
        "DNNL_MAX_CPU_ISA=AVX2",
        "TBB_ENABLE_SANITIZERS=1",
        "ATEN_CPU_CAPABILITY=default",
        "TORCHINDUCTOR_MAX_AUTOTUNE=1",
        "TORCHINDUCTOR_CPP_MARCH=x86-64-v3",
        "AOT_INDUCTOR_ENABLE_LTO=1",
        "TORCHDYNAMO_AUTO_FUNCTIONALIZED_V2=0",
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",
        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1",
        "GLIBC_TUNABLES=glibc.malloc.tcache_count=0",
        "NVIDIA_TF32_OVERRIDE=0",
        "CUBLAS_WORKSPACE_CONFIG=:4096:8",
        "CUDA_LAUNCH_BLOCKING=1",
        "CUDA_DEVICE_MAX_CONNECTIONS=1",
        "CUDA_MODULE_LOADING=EAGER",
        "CUDA_DISABLE_PERF_BOOST=1",
    ],
)
def test_what_makes_libraries_compute_otherwise_makes_another_environment(setting: str) -> None:
    name, _, value = setting.partition("=")
    here = replace(read_environment(), variables={})
    there = replace(here, variables=library_variables({name: value}))
    assert there.variables == {name: value}
    assert here.fingerprint != there.fingerprint


def test_where_cuda_lies_and_its_defaults_make_the_same_environment() -> None:
    """Images of containers set the first, and NVML's GPUs are those that are visible."""
    given = {
        "CUDA_HOME": "/usr/local/cuda",
        "CUDA_PATH": "/usr/local/cuda",
        "CUDA_VERSION": "13.0",
        "CUDA_CACHE_PATH": "/home/somebody/.nv",
        "CUDA_VISIBLE_DEVICES": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_MODULE_LOADING": "LAZY",
        "NVIDIA_VISIBLE_DEVICES": "all",
        "CUBLAS_VERSION": "13.0",
    }
    assert library_variables(given) == {}


def test_where_and_how_fast_pytorch_compiles_makes_the_same_environment() -> None:
    given = {
        "TORCHINDUCTOR_CACHE_DIR": "somewhere",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "TORCHINDUCTOR_WORKER_START": "fork",
        "TORCHINDUCTOR_FX_GRAPH_CACHE": "0",
    }
    assert library_variables(given) == {}


def test_a_system_without_such_a_file_names_its_architecture(tmp_path: Path) -> None:
    assert read_processor(tmp_path / "missing").name
