"""The memory of children, and their environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sizewise.core.children.child import Child, ChildError, call_in_child, run_in_child
from sizewise.core.children.memory import let_the_kernel_end_this_first, peak_bytes
from tests.sizewise.core.children.processes import PATIENCE_S

SCORE = Path("/proc/self/oom_score_adj")


def test_the_kernel_ends_a_child_before_its_parent() -> None:
    if not SCORE.exists():
        pytest.skip("the system has no such score")
    before = SCORE.read_text()
    childs = run_in_child("acts:read", {"path": str(SCORE)}, timeout_s=PATIENCE_S)
    assert int(childs) == 1000
    assert SCORE.read_text() == before


def test_a_system_without_that_score_is_left_alone(tmp_path: Path) -> None:
    let_the_kernel_end_this_first(tmp_path / "none" / "oom_score_adj")
    assert list(tmp_path.iterdir()) == [tmp_path / "acts"]


def test_the_peak_of_a_call_comes_with_its_result() -> None:
    if peak_bytes() is None:
        pytest.skip("the system reports no peaks")
    size = 2**27
    little = call_in_child("acts:hold", {"size": 2**20}, timeout_s=PATIENCE_S)
    much = call_in_child("acts:hold", {"size": size}, timeout_s=PATIENCE_S)
    assert much.result is None
    assert little.peak_bytes is not None
    assert much.peak_bytes is not None
    assert little.peak_bytes < size < much.peak_bytes < size + 2 * little.peak_bytes


def test_the_peak_is_known_after_a_failure_too() -> None:
    if peak_bytes() is None:
        pytest.skip("the system reports no peaks")
    with Child("acts:hold_and_fail") as child:
        assert child.peak_bytes is None
        with pytest.raises(ChildError, match="gone"):
            child.call("", {"size": 2**27}, timeout_s=PATIENCE_S)
        assert (child.peak_bytes or 0) > 2**27


def test_a_child_has_its_parents_environment_what_is_added_and_a_session() -> None:
    names = ("PATH", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS")
    before = [os.environ.get(name) for name in names]
    with Child("acts:Home", {}, variables={"OPENBLAS_NUM_THREADS": "1"}) as child:
        found = [child.call("variable", {"name": name}, timeout_s=PATIENCE_S) for name in names]
        assert child.call("session", {}, timeout_s=PATIENCE_S) == child.pid != os.getsid(0)
    assert found == [*before[:2], "1"]
    assert [os.environ.get(name) for name in names] == before
