"""What the wheel puts at top level, and what a light command may import."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sizewise.core.rooms import ROOMS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "-o",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return zipfile.Path(built)


def test_the_wheel_has_our_rooms_at_top_level_and_nothing_else(wheel: zipfile.Path) -> None:
    names = {p.name for p in wheel.iterdir() if not p.name.endswith(".dist-info")}
    assert names == {"sizewise", *ROOMS}


def test_tests_and_measured_records_are_not_shipped(wheel: zipfile.Path) -> None:
    names = wheel.root.namelist()
    assert not [n for n in names if "measured" in n or n.startswith("tests/")]
    assert "engines/backends/onnxruntime.py" in names


def _imported(*arguments: str) -> set[str]:
    """Top-level modules that a command line has imported when it ends."""
    script = (
        "import sys\n"
        "from sizewise.cli.front import run_command_line\n"
        f"code = run_command_line({list(arguments)!r})\n"
        "sys.stderr.write('\\n' + ' '.join({m.partition('.')[0] for m in sys.modules}))\n"
        "sys.exit(code)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(ended.stderr.splitlines()[-1].split())


HEAVY = {"torch", "tensorrt", "openvino", "onnxruntime", "onnx", "pandas", "numpy", "matplotlib"}


def test_help_imports_nothing_heavy() -> None:
    assert not _imported("--help") & (HEAVY - {"numpy"})


def test_doctor_loads_no_library_that_it_looks_for() -> None:
    assert not _imported("doctor") & {"torch", "tensorrt", "openvino", "onnxruntime"}
