"""Races for one engine, with processes that are killed at any moment: none fails, none builds it
twice, and nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("keys", "processes"),
    [(6, 5), pytest.param(500, 16, marks=pytest.mark.slow)],
)
def test_one_builds_and_all_that_live_get_the_engine(
    tmp_path: Path, keys: int, processes: int
) -> None:
    command = [sys.executable, "-m", "tests.engines.store.races", str(tmp_path / "races")]
    ended = subprocess.run(
        [*command, str(keys), str(processes), "14"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["races"] == keys
    assert found["builds"] >= keys
    faults = {name: found[name] for name in ("failed", "twice", "overlapping", "left")}
    assert not any(faults.values()), (found, ended.stderr[-2000:])
