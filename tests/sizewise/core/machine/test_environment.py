"""The processor and the variables that change how libraries run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sizewise.core.machine.environment import library_variables, read_processor

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


def test_a_system_without_such_a_file_names_its_architecture(tmp_path: Path) -> None:
    assert read_processor(tmp_path / "missing").name
