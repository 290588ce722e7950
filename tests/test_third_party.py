"""A model that we did not make, measured where there is no torch, its file unchanged.

PP-OCRv4's text detector (Apache-2.0) lies in the package rapidocr-onnxruntime; its batch, height
and width are dynamic.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import pytest

from bench.store import Store
from sizewise.trials import Result


@pytest.fixture(scope="module")
def detector() -> Path:
    (path,) = (
        Path(str(f.locate()))
        for f in files("rapidocr-onnxruntime") or ()
        if f.name == "ch_PP-OCRv4_det_infer.onnx"
    )
    return path


@pytest.fixture
def no_torch(tmp_path: Path) -> dict[str, str]:
    """An environment in which importing torch fails, as where it is not installed."""
    barred = tmp_path / "barred" / "torch"
    barred.mkdir(parents=True)
    (barred / "__init__.py").write_text("raise ImportError('torch is barred')\n")
    return os.environ | {"PYTHONPATH": str(barred.parent)}


def test_bench_measures_a_foreign_file_without_torch(
    detector: Path, no_torch: dict[str, str], tmp_path: Path
) -> None:
    before = hashlib.sha256(detector.read_bytes()).hexdigest()
    out = tmp_path / "out"
    script = "from sizewise.cli import main; main()"
    options = [
        "--sizes",
        "96,64x160",
        "--processes",
        "2",
        "--rounds",
        "1",
        "--out",
        str(out),
        "--json",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", script, "bench", str(detector), *options],
        env=no_torch,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["statuses"] == {"ok": 8}
    assert all(_is_measured(result) for result in _results(out))
    assert hashlib.sha256(detector.read_bytes()).hexdigest() == before


def _results(out: Path) -> list[Result]:
    with Store.open(out / "results.sqlite", read_only=True) as store:
        return [result for run in store.runs() for result in run.results]


def _is_measured(result: Result) -> bool:
    assert result.memory is not None
    assert result.build is not None
    # VmHWM of a child that held torch as well would be some 200 MiB higher.
    return len(result.blocks) == 2 and result.memory.peak_bytes > result.memory.before_bytes
