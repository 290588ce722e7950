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


def ended(child: Child, heard: list[str], **arguments: object) -> ChildError:
    """The error of a call that is ended when the child has printed its last words."""
    with pytest.raises(ChildError) as caught:
        child.call(
            "",
            dict(arguments),
            timeout_s=PATIENCE_S,
            on_progress=lambda done, note: heard.append(note),
        )
    return caught.value


def test_a_child_has_a_limit_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.children.child.default_limit_bytes", lambda: 2**20)
    with Child("acts:print_and_hang") as child:
        error = ended(child, [])
    assert error.reason_code == "oom_host"
    assert "stopped at 1 MiB" in error.why
    assert "memory_limit_mb" in error.todo
    with Child("acts:read", memory_limit_bytes=2**34) as child:
        child.call("", {"path": "/dev/null"}, timeout_s=PATIENCE_S)


def test_what_a_child_printed_last_is_kept_where_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []

    class Spent:
        """Time is up as soon as the child has printed."""

        @property
        def seconds(self) -> float:
            return 1e9 if heard else 0.0

        def tick(self) -> None: ...

    monkeypatch.setattr("sizewise.core.children.child.RunningTime", Spent)
    with Child("acts:print_and_hang") as child:
        error = ended(child, heard)
    assert error.reason_code == "timeout"
    assert error.why.endswith("it last printed: last words")


@pytest.mark.parametrize(("kills", "code"), [(0, "crash_SIGKILL"), (1, "oom_host")])
def test_the_kernel_tells_whom_it_ended_for_memory(
    kills: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([5, 5 + kills])
    monkeypatch.setattr("sizewise.core.children.process.oom_kills", lambda: next(counts))
    with Child("acts:die_in_mid_answer") as child:
        assert ended(child, []).reason_code == code


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
