"""Back ends that take their process with them: each costs its own trial, and gives its reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from engines.backends._failing import WAYS, Way
from engines.backends.fake import FakeOptions
from tests.bench.waves import failing
from tests.bench.waves.failing import CODES, batch, campaign, left_running

QUICK = [way for way in get_args(Way) if way in WAYS and way not in ("hang", "crash")]
"""The others are in ``test_waves``."""


def test_every_way_to_fail_has_its_code() -> None:
    assert {"error", *WAYS} == set(get_args(Way))
    assert set(CODES) == set(WAYS)


@pytest.mark.usefixtures("built_here")
def test_each_way_costs_one_trial_and_has_its_reason(tmp_path: Path) -> None:
    options = [
        FakeOptions(fail_at="run" if number % 2 else "open", fail_by=way)
        for number, way in enumerate(QUICK)
    ]
    states, wrong = batch(tmp_path, options)
    assert wrong == []
    assert [(one.status, one.reason_code) for one in states] == [
        ("failed", CODES[way]) for way in QUICK
    ]
    assert all(one.reason for one in states)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_at_any_moment_they_cost_their_own_trials(tmp_path: Path) -> None:
    found = campaign(28, 0, tmp_path)
    assert found.violations == []
    assert found.cases == 28


def test_what_is_left_running_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its parent is gone."""
    monkeypatch.setenv(failing._MARK, "family")
    monkeypatch.setattr(failing, "_PATIENCE_S", 0)
    program = (
        "import os, time\n"
        "if child := os.fork(): print(child, flush=True); os._exit(0)\n"
        "os.close(1); os.close(2); time.sleep(600)"
    )
    left = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    orphan = int(left.stdout)
    try:
        assert [one.split()[0] for one in left_running("family")] == [str(orphan)]
        assert left_running("another") == []
    finally:
        os.kill(orphan, 9)
