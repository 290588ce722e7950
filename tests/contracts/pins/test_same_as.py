"""This code and an earlier one, side by side (``docs/make/same_as.py``)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "docs" / "make" / "same_as.py"
REFERENCE = "02304f7"


def _has_history() -> bool:
    git = shutil.which("git")
    if git is None:
        return False
    command = [git, "cat-file", "-e", f"{REFERENCE}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_is_done_twice_and_exports_are_the_same_bytes() -> None:
    if not _has_history():
        pytest.skip(f"the history of git with {REFERENCE} is not here")
    command = [sys.executable, str(SCRIPT), REFERENCE]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
