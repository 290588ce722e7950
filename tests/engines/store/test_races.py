"""Races for one engine, with processes that are killed at any moment: none fails, none builds it
twice, and nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.store.races import Race

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("cases", "processes"),
    [(6, 5), pytest.param(500, 16, marks=pytest.mark.slow)],
)
def test_one_builds_and_all_that_live_get_the_engine(cases: int, processes: int) -> None:
    command = [sys.executable, "-m", "tests.engines.store.races"]
    ended = subprocess.run(
        [*command, str(cases), "14", str(processes)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["violations"] == [], (found, ended.stderr[-2000:])
    assert found["cases"] == cases
    assert found["counts"]["builds"] >= cases
    assert found["counts"]["races where there was a damaged engine"] == cases // 3 + (cases % 3 > 0)


@pytest.mark.parametrize(
    ("race", "said"),
    [
        (Race(died=0, failed=1, is_there=True, log="b", drafts=0), "1 processes lived"),
        (Race(died=0, failed=0, is_there=False, log="b", drafts=0), "no whole engine"),
        (Race(died=1, failed=0, is_there=True, log="bbb", drafts=0), "built 3 times"),
        (Race(died=0, failed=0, is_there=True, log="", drafts=0), "built 0 times"),
        (Race(died=1, failed=0, is_there=True, log="bob", drafts=0), "while another went on"),
        (Race(died=0, failed=0, is_there=True, log="b", drafts=2), "2 drafts are left"),
    ],
)
def test_each_fault_is_told(race: Race, said: str) -> None:
    (fault,) = race.faults()
    assert said in fault


def test_no_fault_is_none() -> None:
    assert not list(Race(died=1, failed=0, is_there=True, log="bb", drafts=0).faults())
