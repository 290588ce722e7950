from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import memory
from sizewise.core.child import run_in_child


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    before = memory.peak_bytes()
    if before is None:
        pytest.skip("the system tells no peaks")
    np.ones(2 * before, np.uint8)
    assert (memory.peak_bytes() or 0) >= 2 * before


def test_a_childs_peak_is_not_its_parents() -> None:
    held = np.ones(300 * 2**20, np.uint8)
    peak = run_in_child("bench.memory:peak_bytes", {}, timeout_s=60)
    if peak is None:
        pytest.skip("the system tells no peaks")
    assert 2**20 < peak < held.nbytes


def test_no_peak_where_the_system_has_none(tmp_path: Path) -> None:
    assert memory.peak_bytes(tmp_path / "status") is None
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert memory.peak_bytes(tmp_path / "status") is None
