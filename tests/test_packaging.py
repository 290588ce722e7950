"""What the wheel puts at top level, and what a light command may import."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sizewise.core.rooms import ROOMS
from tests.bench.models import colours

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
    assert not [n for n in names if n.startswith(("reports/measured", "tests/"))]
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


def test_the_wheel_works_without_the_checkout(
    wheel: zipfile.Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacked beside nothing else, it measures a model that was exported by nobody here."""
    site = tmp_path / "site"
    wheel.root.extractall(site)
    (tmp_path / "desk").mkdir()
    colours(tmp_path / "desk" / "model.onnx")
    monkeypatch.setenv("PYTHONPATH", str(site))
    command = (
        "import sizewise, sys; from sizewise.cli import main; print(sizewise.__file__); main()"
    )
    options = ("--sizes", "32", "--backend", "onnxruntime", "--processes", "1", "--rounds", "1")
    ended = subprocess.run(
        [sys.executable, "-P", "-c", command, "bench", "model.onnx", *options],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path / "desk",
    )
    home, said = ended.stdout.splitlines()
    assert Path(home).is_relative_to(site)
    assert "2 trials measured" in said


def test_the_changelog_takes_every_fragment() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    fragments = list((ROOT / "changelog.d").glob("*.md"))
    assert said.count("\n- ") == len(fragments)
    assert all(
        path.suffixes[-2] in (".added", ".changed", ".fixed", ".removed") for path in fragments
    )
